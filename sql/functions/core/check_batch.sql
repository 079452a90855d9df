-- The dry run: what consume would answer now, by the same core.judge, without a lock or a trace. Keys are
-- ignored; items count against those after them, as in consume.
--
-- Raises UC100 (malformed), UC120 (this server's history is not the one known).
CREATE OR REPLACE FUNCTION core.check_batch(p_customer_id text, p_items jsonb, p_observe boolean)
RETURNS TABLE (item integer, customer_id text, idempotency_key text, allowed boolean, reason text, would_allow boolean,
               replayed boolean, deferred boolean, seq bigint, recorded_at timestamptz, answer json)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  v_customers text[] := ARRAY[p_customer_id];
  v_at timestamptz;
  v_verdict core.verdict;
BEGIN
  PERFORM core.hold_identity(p_writes => false);
  IF p_customer_id IS NULL THEN
    IF jsonb_typeof(p_items) IS DISTINCT FROM 'array' THEN
      PERFORM core.refuse_malformed(p_items, p_customer_id, core.clock());
    END IF;
    SELECT coalesce(array_agg(DISTINCT (i ->> 'customerId') COLLATE "C"), '{}') INTO v_customers
    FROM jsonb_array_elements(p_items) AS i WHERE i ->> 'customerId' IS NOT NULL;
  END IF;
  SELECT greatest(core.clock(), max(g.last_at)) INTO v_at FROM core.gate AS g WHERE g.customer_id = ANY (v_customers);
  v_verdict := core.judge('check', p_customer_id, v_customers, array_fill(true, ARRAY[cardinality(v_customers)]), p_items, v_at, p_observe);

  RETURN QUERY
  SELECT (i.o - 1)::integer, i.customer, i.key, i.allowed, i.reason, i.would, false, false,
         g.seq, i.at,
         (i.shown || CASE WHEN i.bound IS NULL THEN '}' ELSE ',"entityId":' || coalesce(to_json(e.entity_id)::text, 'null') || '}}' END)::json
  FROM unnest(v_verdict.i_customer, v_verdict.i_key, v_verdict.i_status, v_verdict.i_allowed, v_verdict.i_would_allow, v_verdict.i_reason,
              v_verdict.i_recorded_at, v_verdict.i_shown, v_verdict.i_bound)
    WITH ORDINALITY AS i (customer, key, status, allowed, would, reason, at, shown, bound, o)
  LEFT JOIN core.gate AS g ON g.customer_id = i.customer
  LEFT JOIN core.entity AS e ON e.customer_id = i.customer AND e.entity_no = i.bound
  ORDER BY i.o;
END
$$;
