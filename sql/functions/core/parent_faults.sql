-- A fault where a parent does not exist, is archived, or stands so deep that nothing can stand below it: from an entity up to the
-- customer there are at most 16 steps.
--
--   p_parent_no  NULL where its id was not found
--   p_parent_id  what the caller called it
CREATE OR REPLACE FUNCTION core.parent_faults(p_customer_id text, p_parent_no integer, p_parent_id text, p_field text) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_parent core.entity;
BEGIN
  SELECT * INTO v_parent FROM core.entity WHERE customer_id = p_customer_id AND entity_no = p_parent_no;
  IF NOT FOUND THEN
    RETURN core.fault(p_field, 'NOT_FOUND', format('there is no entity %s', p_parent_id));
  ELSIF v_parent.archived_at IS NOT NULL THEN
    RETURN core.fault(p_field, 'ARCHIVED', format('%s is archived; bring it back first', v_parent.entity_id));
  ELSIF cardinality(v_parent.path) > 16 THEN
    RETURN core.fault(p_field, 'TOO_DEEP', 'a tree is at most 16 entities deep');
  END IF;
  RETURN '[]';
END
$$;
