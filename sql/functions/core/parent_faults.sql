-- A fault where a parent does not exist, or stands so deep that nothing can stand below it: from an entity up to the
-- customer there are at most 16 steps.
--
--   p_parent_no  NULL where its id was not found
CREATE OR REPLACE FUNCTION core.parent_faults(p_customer_id text, p_parent_no integer, p_field text) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_depth integer := (SELECT cardinality(path) - 1 FROM core.entity WHERE customer_id = p_customer_id AND entity_no = p_parent_no);
BEGIN
  IF v_depth IS NULL THEN
    RETURN core.fault(p_field, 'NOT_FOUND', 'there is no such entity');
  ELSIF v_depth >= 16 THEN
    RETURN core.fault(p_field, 'TOO_DEEP', 'a tree is at most 16 entities deep');
  END IF;
  RETURN '[]';
END
$$;
