-- Where a request stands, as core.judge sees it: each entity that it names and all above it. Who is archived is not on it, nor who is unknown,
-- unless the customer's policy would make them.
--
--   p_entity_ids  a list of ids, or NULL
--   chain         the paths of all that are named, one after the other, each leaf upwards with 0 at its end; '{0}' where nobody is
--   types         their types, at the same places
--   newcomers     ids of those whom nobody has made yet; the nth is number -n in the chain
CREATE OR REPLACE FUNCTION core.path_of_request(p_customer_id text, p_entity_ids jsonb, OUT chain integer[], OUT types text[], OUT newcomers text[])
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_row record;
  v_left integer;
  v_type text;
  v_parent_no integer;
BEGIN
  chain := '{}';
  types := '{}';
  newcomers := '{}';
  FOR v_row IN
    SELECT a.id, e.path, e.path_types, e.archived_at
    FROM jsonb_array_elements_text(p_entity_ids) WITH ORDINALITY AS a (id, axis)
    LEFT JOIN LATERAL (SELECT * FROM core.entity AS e WHERE e.customer_id = p_customer_id AND e.entity_id = a.id LIMIT 1) AS e ON true
    ORDER BY a.axis
  LOOP
    IF v_row.path IS NULL AND v_left IS NULL THEN
      SELECT CASE WHEN g.unknown_entity = 'CREATE' THEN g.unknown_max - g.created_count ELSE 0 END, g.unknown_type, g.unknown_parent_no
      INTO v_left, v_type, v_parent_no
      FROM core.gate AS g
      WHERE g.customer_id = p_customer_id;
    END IF;
    IF v_row.path IS NOT NULL AND v_row.archived_at IS NULL THEN
      chain := chain || v_row.path;
      types := types || v_row.path_types;
    ELSIF v_row.path IS NULL AND v_left > cardinality(newcomers) AND v_row.id <> ALL (newcomers) AND length(v_row.id) BETWEEN 1 AND 128 THEN
      newcomers := newcomers || v_row.id;
      SELECT chain || -cardinality(newcomers) || e.path, types || v_type || e.path_types INTO chain, types
      FROM core.entity AS e
      WHERE e.customer_id = p_customer_id AND e.entity_no = v_parent_no;
    END IF;
  END LOOP;
  IF chain = '{}' THEN
    chain := '{0}';
    types := '{customer}';
  END IF;
END
$$;
