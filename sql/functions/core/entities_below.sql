-- The numbers of the entities that an entity, the parent of some or the root of a branch leaves over, by whichever of them is the narrowest;
-- NULL where that is all of them: there is none of the three, or all below the customer (0) are meant.
CREATE OR REPLACE FUNCTION core.entities_below(p_customer_id text, p_entity_no integer, p_parent_no integer, p_below_no integer) RETURNS integer[]
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
  IF p_entity_no IS NOT NULL THEN
    RETURN ARRAY[p_entity_no];
  ELSIF p_parent_no IS NOT NULL THEN
    RETURN ARRAY(SELECT entity_no FROM core.entity WHERE customer_id = p_customer_id AND parent_no = p_parent_no);
  ELSIF p_below_no <> 0 THEN
    RETURN ARRAY(
      WITH RECURSIVE below (entity_no) AS (
        SELECT p_below_no
        UNION ALL
        SELECT e.entity_no
        FROM below AS b
        CROSS JOIN LATERAL (SELECT entity_no FROM core.entity WHERE customer_id = p_customer_id AND parent_no = b.entity_no OFFSET 0) AS e
      )
      SELECT entity_no FROM below);
  END IF;
  RETURN NULL;
END
$$;
