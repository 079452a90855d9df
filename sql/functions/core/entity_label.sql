-- An entity's id as JSON: null for the customer itself. One that was erased has its number there.
CREATE OR REPLACE FUNCTION core.entity_label(p_customer_id text, p_entity_no integer) RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN coalesce((SELECT to_json(entity_id)::text FROM core.entity
                   WHERE customer_id = p_customer_id AND entity_no = p_entity_no), 'null');
END
$$;
