-- Who of some customers has another version than the one known: all that a hub of live balances asks, many times
-- a second, so it touches one row of one table a customer, and says little where little has changed.
--
-- Known are a number for each customer, and those in the order of their bytes: so they are compared by their place,
-- at half of what a join costs. Without numbers, or where somebody is not there or out of order, every version is
-- told ("all"), and who is missing then does not exist.
CREATE OR REPLACE FUNCTION api.read_newer_versions(p_customers text[], p_seqs bigint[]) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- A plan for these very customers would take longer to make than to run.
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_now timestamptz := core.clock();
  v_found text[];
  v_seqs bigint[];
  v_all boolean;
  v_newer text[];
BEGIN
  SELECT array_agg(g.customer_id ORDER BY g.customer_id COLLATE "C"), array_agg(g.seq ORDER BY g.customer_id COLLATE "C")
  INTO v_found, v_seqs
  FROM core.gate AS g WHERE g.customer_id = ANY (p_customers);
  v_all := p_seqs IS NULL OR v_found IS DISTINCT FROM p_customers;
  IF v_all THEN
    v_newer := v_found;
  ELSIF v_seqs <> p_seqs THEN
    v_newer := ARRAY(SELECT k.id FROM unnest(p_customers, p_seqs, v_seqs) AS k (id, known, seq) WHERE k.seq IS DISTINCT FROM k.known);
  END IF;
  RETURN jsonb_build_object(
    'incarnation', (SELECT incarnation FROM core.installation), 'asOf', v_now, 'all', v_all,
    'versions', CASE WHEN v_newer IS NULL THEN '[]' ELSE (
      SELECT coalesce(jsonb_agg(jsonb_build_array(g.customer_id, g.seq::text, greatest(v_now, g.last_at))), '[]')
      FROM core.gate AS g WHERE g.customer_id = ANY (v_newer)
    ) END);
END
$$;
