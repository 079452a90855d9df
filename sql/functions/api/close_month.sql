-- Closes a month that is over, for all customers: nothing that is recorded later can have happened in it, and no row of it can be
-- written. There is no way back. Harmless where it is closed already.
--
--   p_month  its first day; the month after the last closed one, or the first of all
--   p_actor  who closes it
--   p_limit  at most so many customers a call: 1 to 10 000
--
-- To be called, each time in a transaction of its own, until `state` is CLOSED. From the first call on `occurredAt` in the
-- month is refused; then WAITING for `transactions` that began before, BOOKING what was due in it (`customers` by this
-- call), OPENING the next month, and CLOSED.
-- Raises UC101, UC110, UC120, and 55P03 where a partition is in use all the time: try again.
CREATE OR REPLACE FUNCTION api.close_month(p_month date, p_actor text, p_limit integer DEFAULT 500) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_ends_at timestamptz := (p_month + interval '1 month') AT TIME ZONE 'UTC';
  v_name text := to_char(p_month, 'YYYY-MM');
  v_known core.month;
  v_waiting bigint;
  v_customers text[];
  v_at timestamptz;
  v_opening jsonb;
BEGIN
  PERFORM core.begin_writing();
  PERFORM core.refuse_faults(core.faults(jsonb_build_object('actor', p_actor), '', '{"actor": "text!"}')
    || CASE WHEN p_limit BETWEEN 1 AND 10000 THEN '[]' ELSE core.fault('limit', 'OUT_OF_RANGE', 'must be 1 to 10000') END
    || core.closing_faults(p_month));
  INSERT INTO core.month (month) VALUES (p_month) ON CONFLICT DO NOTHING;
  SELECT * INTO v_known FROM core.month WHERE month = p_month FOR NO KEY UPDATE;
  PERFORM core.refuse_faults(core.closing_faults(p_month)); -- somebody else may have begun with another one
  IF v_ends_at <= (SELECT closed_until FROM core.installation) THEN
    RETURN jsonb_build_object('month', p_month, 'state', 'CLOSED', 'closedAt', v_known.closed_at, 'closedBy', v_known.closed_by, 'already', true);
  ELSIF v_known.closing_began_at IS NULL THEN
    v_at := core.clock();
    UPDATE core.installation SET open_from = v_ends_at, clock_floor = greatest(clock_floor, v_ends_at);
    UPDATE core.month SET closing_began_at = v_at, horizon = NULL WHERE month = p_month;
    INSERT INTO core.installation_change (kind, subject, before, after, actor)
    VALUES ('MONTH', v_name, '{"state": "OPEN"}', '{"state": "CLOSING"}', p_actor);
    RETURN jsonb_build_object('month', p_month, 'state', 'WAITING', 'transactions', 1);
  END IF;
  v_waiting := core.pass_horizon(p_month);
  IF v_waiting > 0 THEN
    RETURN jsonb_build_object('month', p_month, 'state', 'WAITING', 'transactions', v_waiting);
  END IF;

  -- What was due in the month takes effect in it, though nobody has asked for it yet.
  SELECT array_agg(g.customer_id), greatest(core.clock(), max(g.last_at)) INTO v_customers, v_at
  FROM (SELECT customer_id, last_at FROM core.gate WHERE next_due_at < v_ends_at ORDER BY customer_id LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED) AS g;
  IF v_customers IS NOT NULL THEN
    PERFORM core.book_due(v_customers, v_at, 10 * p_limit);
  END IF;
  IF EXISTS (SELECT FROM core.gate WHERE next_due_at < v_ends_at) THEN
    RETURN jsonb_build_object('month', p_month, 'state', 'BOOKING', 'customers', coalesce(cardinality(v_customers), 0));
  END IF;

  v_opening := api.open_month((p_month + interval '1 month')::date, p_limit);
  IF v_opening ->> 'state' <> 'OPENED' THEN
    RETURN v_opening || jsonb_build_object('month', p_month);
  END IF;
  PERFORM core.fence_months(p_month);
  v_at := core.clock();
  UPDATE core.installation SET closed_until = v_ends_at;
  UPDATE core.month SET closed_at = v_at, closed_by = p_actor WHERE month = p_month;
  INSERT INTO core.installation_change (kind, subject, before, after, actor)
  VALUES ('MONTH', v_name, '{"state": "CLOSING"}', '{"state": "CLOSED"}', p_actor);
  RETURN jsonb_build_object('month', p_month, 'state', 'CLOSED', 'closedAt', v_at, 'closedBy', p_actor, 'already', false);
END
$$;
