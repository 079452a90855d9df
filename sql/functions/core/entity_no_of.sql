-- What a caller's entityId filter means: NULL for none, 0 for the customer's own ('' asks for it), -1 for nobody.
CREATE OR REPLACE FUNCTION core.entity_no_of(p_customer_id text, p_entity_id text) RETURNS integer
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF p_entity_id IS NULL THEN
    RETURN NULL;
  ELSIF p_entity_id = '' THEN
    RETURN 0;
  END IF;
  RETURN coalesce(
    (SELECT entity_no FROM core.entity WHERE customer_id = p_customer_id AND entity_id = p_entity_id), -1);
END
$$;
