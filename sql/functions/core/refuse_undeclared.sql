-- Refuses an item whose dimensions its feature does not declare. Always raises UC100.
CREATE OR REPLACE FUNCTION core.refuse_undeclared(p_items jsonb, p_item integer, p_catalog bigint) RETURNS void
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_item jsonb := p_items -> (p_item - 1);
  v_declared text[] := (SELECT dimensions FROM core.feature
                        WHERE feature_id = v_item ->> 'featureId' AND catalog_version <= p_catalog
                        ORDER BY catalog_version DESC LIMIT 1);
  v_at integer;
  v_key text;
BEGIN
  SELECT d.n - 1, d.dimension ->> 'key' INTO v_at, v_key
  FROM jsonb_array_elements(v_item -> 'dimensions') WITH ORDINALITY AS d (dimension, n)
  WHERE NOT d.dimension ->> 'key' = ANY (v_declared)
  ORDER BY d.n LIMIT 1;
  PERFORM core.refuse(p_item - 1, format('dimensions[%s].key', v_at), 'UNDECLARED_DIMENSION',
    format('feature %s declares no dimension %s; it has: %s', v_item ->> 'featureId', to_json(v_key), coalesce(nullif(array_to_string(v_declared, ', '), ''), 'none')));
END
$$;
