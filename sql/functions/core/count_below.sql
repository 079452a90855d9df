-- How many entities of a type stand below one, however deep, and are not archived.
--
--   p_owner_no  0 is the customer itself
CREATE OR REPLACE FUNCTION core.count_below(p_customer_id text, p_owner_no integer, p_type text) RETURNS bigint
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF p_owner_no = 0 THEN
    RETURN (SELECT count(*) FROM core.entity
            WHERE customer_id = p_customer_id AND entity_type = p_type AND entity_no <> 0 AND archived_at IS NULL);
  END IF;
  RETURN (
    SELECT count(*)
    FROM unnest(core.entities_below(p_customer_id, NULL, NULL, p_owner_no)) AS b (no)
    CROSS JOIN LATERAL (SELECT entity_type, archived_at FROM core.entity WHERE customer_id = p_customer_id AND entity_no = b.no OFFSET 0) AS e
    WHERE b.no <> p_owner_no AND e.entity_type = p_type AND e.archived_at IS NULL);
END
$$;
