-- The usage events and reservations after a seq that named an entity and that somebody said more about, by seq.
CREATE OR REPLACE FUNCTION core.metadata_of(p_customer_id text, p_entity_no integer, p_after bigint) RETURNS SETOF bigint
LANGUAGE plpgsql
STABLE
STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  SELECT m.seq
  FROM core.usage_metadata AS m
  LEFT JOIN core.usage_event AS u ON u.customer_id = m.customer_id AND u.seq = m.seq
  LEFT JOIN core.reservation AS r ON r.customer_id = m.customer_id AND r.reservation_no = m.seq
  WHERE m.customer_id = p_customer_id AND m.seq > p_after
    AND p_entity_no IN (
      SELECT n::integer FROM json_array_elements_text(coalesce(u.entity_nos, r.entity_nos, json_build_array(coalesce(u.path, r.path) -> 0))) AS n);
END
$$;
