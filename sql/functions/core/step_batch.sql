-- Takes one kind of step of many reservations: locks the gates, books what is due, takes the steps in order. api.settle, api.release,
-- api.extend and their _many are thin over it.
--
--   p_operation    settle, release or extend
--   p_customer_id  the one customer of all items, or null: then every item names its own, and those whose gate is held are `deferred`
--
-- Raises UC100 (malformed), UC110 (isolation level), UC120 (this server's history is not the one known).
CREATE OR REPLACE FUNCTION core.step_batch(p_operation text, p_customer_id text, p_items jsonb, p_observe boolean)
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
  v_customer text[]; v_no bigint[]; v_names text[]; v_amounts text[]; v_final boolean[]; v_seconds integer[]; v_deferred boolean[];
  v_answers core.step_answers;
BEGIN
  PERFORM core.refuse_malformed_step(p_items, p_operation, p_customer_id);

  -- part: consume_batch/take_gates.plpgsql

  v_at := greatest(core.clock(), v_last_at);
  IF v_due_at <= v_at THEN
    PERFORM core.book_due(v_locked, v_at, 500);
  END IF;

  SELECT array_agg(coalesce(i.item ->> 'customerId', p_customer_id) ORDER BY i.n),
         array_agg(CASE WHEN i.item ->> 'reservationId' ~ '^[1-9][0-9]{0,17}$' THEN (i.item ->> 'reservationId')::bigint END ORDER BY i.n),
         array_agg(CASE WHEN i.item ->> 'quantity' IS NOT NULL THEN 'quantity' ELSE q.names END ORDER BY i.n),
         array_agg(coalesce(i.item ->> 'quantity', q.amounts) ORDER BY i.n),
         array_agg(p_operation = 'settle' AND coalesce((i.item ->> 'final')::boolean, true) ORDER BY i.n), array_agg((i.item ->> 'ttlSeconds')::integer ORDER BY i.n)
  INTO v_customer, v_no, v_names, v_amounts, v_final, v_seconds
  FROM jsonb_array_elements(p_items) WITH ORDINALITY AS i (item, n)
  CROSS JOIN LATERAL (SELECT string_agg(q ->> 'name', ',') AS names, string_agg(q ->> 'amount', ',') AS amounts
                      FROM jsonb_array_elements(nullif(i.item -> 'quantities', 'null')) AS q) AS q;
  IF v_due_at <= v_at AND p_operation = 'settle' THEN
    -- What goes beyond a hold may burn what else has taken effect on the way it recorded.
    SELECT array_agg(r.customer_id), array_agg(n.no::integer) INTO v_due_of, v_due_nodes
    FROM unnest(v_customer, v_no) AS s (customer, no)
    JOIN core.reservation AS r ON r.customer_id = s.customer AND r.reservation_no = s.no
    CROSS JOIN LATERAL json_array_elements_text(r.path) AS n (no)
    WHERE r.customer_id = ANY (v_locked);
    PERFORM core.book_due_of_wallets(v_due_of, v_due_nodes, v_at);
  END IF;
  SELECT array_agg(coalesce(v_held[array_position(v_customers, c.id)] IS FALSE, false) ORDER BY c.n) INTO v_deferred
  FROM unnest(v_customer) WITH ORDINALITY AS c (id, n);
  v_answers := core.take_steps(
    array_fill(upper(p_operation), ARRAY[cardinality(v_no)]),
    ARRAY(SELECT CASE WHEN NOT d THEN c END FROM unnest(v_customer, v_deferred) WITH ORDINALITY AS x (c, d, n) ORDER BY n),
    v_no, v_names, v_amounts, v_final, v_seconds, array_fill(NULL::timestamptz, ARRAY[cardinality(v_no)]), v_at, p_observe);

  RETURN QUERY
  SELECT (i.n - 1)::integer, i.customer, NULL::text, i.allowed, CASE WHEN NOT i.deferred THEN i.reason END, i.would_allow, i.replayed, i.deferred, i.seq, v_at,
         i.shown::json
  FROM unnest(v_customer, v_deferred, v_answers.allowed, v_answers.reason, v_answers.would_allow, v_answers.replayed, v_answers.seq, v_answers.shown)
    WITH ORDINALITY AS i (customer, deferred, allowed, reason, would_allow, replayed, seq, shown, n);
END
$$;
