-- Opens a month: writes with what balances it begins for every customer, so that any balance since is looked up in the entries
-- of one month. Harmless where it is open already, and never wrong: from the first call on nothing is recorded before it.
--
--   p_month  its first day, not after today (UTC); NULL is this month
--   p_limit  for at most so many customers: 1 to 10 000
--
-- To be called, each time in a transaction of its own, until `state` is OPENED. OPENING: `customers` were opened by this call,
-- come again. WAITING: for `transactions` that began before; come again in a moment. No gate is taken.
-- Raises UC101, UC110, UC120.
CREATE OR REPLACE FUNCTION api.open_month(p_month date DEFAULT NULL, p_limit integer DEFAULT 500) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_now timestamptz := core.clock();
  v_month date := coalesce(p_month, date_trunc('month', v_now AT TIME ZONE 'UTC')::date);
  v_begins_at timestamptz := v_month::timestamp AT TIME ZONE 'UTC';
  v_known core.month;
  v_waiting bigint;
  v_opened integer;
BEGIN
  PERFORM core.begin_writing();
  PERFORM core.refuse_faults(
    CASE WHEN extract(DAY FROM v_month) <> 1 THEN core.fault('month', 'NOT_A_MONTH', 'must be the first day of a month')
         WHEN v_begins_at > v_now THEN core.fault('month', 'IN_THE_FUTURE', 'has not begun') ELSE '[]' END
    || CASE WHEN p_limit BETWEEN 1 AND 10000 THEN '[]' ELSE core.fault('limit', 'OUT_OF_RANGE', 'must be 1 to 10000') END);
  SELECT * INTO v_known FROM core.month WHERE month = v_month;
  IF v_known.opened_at IS NOT NULL THEN
    RETURN jsonb_build_object('month', v_month, 'state', 'OPENED', 'customers', 0);
  END IF;
  INSERT INTO core.month (month) VALUES (v_month) ON CONFLICT DO NOTHING;
  SELECT * INTO v_known FROM core.month WHERE month = v_month FOR NO KEY UPDATE;
  IF v_known.opened_at IS NOT NULL THEN
    RETURN jsonb_build_object('month', v_month, 'state', 'OPENED', 'customers', 0);
  ELSIF v_known.opening_began_at IS NULL THEN
    UPDATE core.installation SET clock_floor = greatest(clock_floor, v_begins_at);
    UPDATE core.month SET opening_began_at = v_now, horizon = NULL WHERE month = v_month;
    RETURN jsonb_build_object('month', v_month, 'state', 'WAITING', 'transactions', 1);
  END IF;
  v_waiting := core.pass_horizon(v_month);
  IF v_waiting > 0 THEN
    RETURN jsonb_build_object('month', v_month, 'state', 'WAITING', 'transactions', v_waiting);
  END IF;
  v_opened := core.write_openings(v_month, p_limit);
  IF v_opened = p_limit THEN
    RETURN jsonb_build_object('month', v_month, 'state', 'OPENING', 'customers', v_opened);
  END IF;
  UPDATE core.month SET opened_at = v_now WHERE month = v_month;
  RETURN jsonb_build_object('month', v_month, 'state', 'OPENED', 'customers', v_opened);
END
$$;
