-- Writes the reservations of a verdict that holds, each with its first step, and makes their ends known to the gates.
CREATE OR REPLACE FUNCTION core.write_reservations(p core.verdict) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  v_customer text[] := p.i_customer; v_status text[] := p.i_status; v_allowed boolean[] := p.i_allowed; v_seq bigint[] := p.i_seq; v_answer text[] := p.i_answer;
  v_ask integer[] := p.i_ask; v_session text[] := p.i_session; v_own_quantities text[] := p.i_quantities; v_own_counters text[] := p.i_counters; v_counters text[] := p.a_counters; v_free integer[] := p.i_free;
  v_route integer[] := p.a_route; v_quantities text[] := p.a_quantities; v_k integer[] := p.r_k; v_price integer[] := p.r_price; v_feature text[] := p.r_feature;
  v_named text[] := p.r_named; v_path text[] := p.r_path; v_overage text[] := p.r_overage; v_seconds integer[] := p.r_seconds;
  v_dimensions json[] := p.p_dimensions; v_observed boolean[] := p.k_observed;
BEGIN
  WITH held AS (
    INSERT INTO core.reservation (customer_id, reservation_no, reserved_at, expires_at, catalog_version, is_observed, feature_id, overage, session_id,
                                  entity_nos, dimensions, path, quantities, slices, counters)
    SELECT v_customer[i], v_seq[i], p.at, p.at + make_interval(secs => v_seconds[r]), p.catalog_version, v_observed[v_k[r]], v_feature[r], v_overage[r], v_session[i],
           CASE WHEN v_named[r] = '' OR strpos(v_named[r], ',') > 0 THEN ('[' || v_named[r] || ']')::json END, v_dimensions[v_price[r]],
           translate(v_path[r], '{}', '[]')::json, coalesce(v_own_quantities[i], v_quantities[a])::json, CASE WHEN v_free[i] IS NULL THEN v_answer[i]::json -> 0
             ELSE ((v_answer[i]::json -> 0)::jsonb || jsonb_build_array(jsonb_build_array(v_free[i], 0, 0)))::json END, nullif(coalesce(v_own_counters[i], v_counters[a]), '[]')::json
    FROM (SELECT i, v_ask[i] AS a, v_route[v_ask[i]] AS r FROM generate_series(1, cardinality(v_customer)) AS i
          WHERE v_status[i] = 'NEW' AND v_allowed[i] OFFSET 0) AS i
    RETURNING customer_id, reservation_no, reserved_at, expires_at, quantities
  ), stepped AS (
    INSERT INTO core.reservation_step (customer_id, seq, recorded_at, reservation_no, expires_at, kind, quantities)
    SELECT customer_id, reservation_no, reserved_at, reservation_no, expires_at, 'RESERVE', quantities FROM held
  )
  UPDATE core.gate AS g
  SET next_due_at = h.ends
  FROM (SELECT customer_id, min(expires_at) AS ends FROM held GROUP BY customer_id) AS h
  WHERE g.customer_id = h.customer_id AND g.next_due_at > h.ends;
END
$$;
