-- The one consumption: locks, books what is due, judges, writes. api.consume, api.reserve and their _many are thin
-- over it; KERNEL §2 is its order.
--
--   p_operation    consume, or reserve, which holds what consume charges
--   p_customer_id  the one customer of all items, or null: then every item names its own
--
-- With one customer it waits for the gate; with many it takes the gates that are free and answers the
-- others `deferred`, so that no call waits for a gate while it holds one.
--
-- Raises UC100 (malformed), UC110 (isolation level), UC120 (this server's history is not the one known).
CREATE OR REPLACE FUNCTION core.consume_batch(p_operation text, p_customer_id text, p_items jsonb, p_observe boolean)
RETURNS TABLE (item integer, customer_id text, idempotency_key text, allowed boolean, reason text, would_allow boolean,
               replayed boolean, deferred boolean, seq bigint, recorded_at timestamptz, answer json)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  v_customers text[];
  v_locked text[];
  v_held boolean[];
  v_last_at timestamptz;
  v_due_at timestamptz;
  v_at timestamptz;
  v_due_of text[];
  v_due_nodes integer[];
  v_verdict core.verdict;
  -- Of the verdict: an element of an array inside a record is found by reading the array from its start.
  v_customer text[]; v_key text[]; v_status text[]; v_allowed boolean[]; v_would boolean[]; v_reason text[]; v_seq bigint[];
  v_recorded_at timestamptz[]; v_shown text[]; v_bound integer[];
BEGIN
  -- part: consume_batch/take_gates.plpgsql

  v_at := greatest(core.clock(), v_last_at);
  -- part: consume_batch/book_due.plpgsql

  v_verdict := core.judge(p_operation, p_customer_id, v_customers, v_held, p_items, v_at, p_observe);
  PERFORM core.write_verdict(v_verdict);
  v_customer := v_verdict.i_customer; v_key := v_verdict.i_key; v_status := v_verdict.i_status; v_allowed := v_verdict.i_allowed; v_would := v_verdict.i_would_allow;
  v_reason := v_verdict.i_reason; v_seq := v_verdict.i_seq; v_recorded_at := v_verdict.i_recorded_at; v_shown := v_verdict.i_shown; v_bound := v_verdict.i_bound;

  RETURN QUERY
  SELECT i - 1, v_customer[i], v_key[i], v_allowed[i], v_reason[i], v_would[i], v_status[i] = 'REPLAYED', v_status[i] = 'DEFERRED',
         CASE WHEN v_status[i] IN ('NEW', 'REPLAYED') THEN v_seq[i] END, coalesce(v_recorded_at[i], v_at),
         (v_shown[i] || CASE WHEN v_bound[i] IS NULL THEN '}' ELSE ',"entityId":' || coalesce((
           SELECT to_json(e.entity_id)::text FROM core.entity AS e WHERE e.customer_id = v_customer[i] AND e.entity_no = v_bound[i]), 'null') || '}}' END)::json
  FROM generate_series(1, cardinality(v_key)) AS i;
END
$$;
