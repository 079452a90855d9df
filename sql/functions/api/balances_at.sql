-- What stood on every account of a customer's wallets at a place or time of its history, by the ledger as it is now.
--
--   p_at  one of
--     seq          after that operation
--     recordedAt   after all that was recorded at that instant or before it: what a reader would have been told then
--     effectiveAt  after all that had taken effect at that instant or before it. A grant that began or expired, or a hold that
--                  ran out, takes effect when it was due, however much later it was booked; everything else when it was recorded
--
-- Returns {customerId, incarnation, seq, isFinal, wallets}. `seq` is the one asked for, or that of the last entry that was recorded by
-- then. `isFinal` is false as long as something was due by then that nobody has booked yet. Wallets made later show zeros;
-- of more than a thousand the oldest thousand are shown. Reads at most the entries of one month, where months are opened.
-- Raises UC101 for no or several of the three, for an unknown customer, and for what has not happened yet.
CREATE OR REPLACE FUNCTION api.balances_at(p_customer_id text, p_at jsonb) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_most CONSTANT integer := 1000;
  v_faults jsonb := core.faults(p_at, '', '{"seq": "count", "recordedAt": "instant", "effectiveAt": "instant"}');
  v_gate core.gate;
  v_seq bigint;
  v_at timestamptz;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  IF num_nonnulls(p_at ->> 'seq', p_at ->> 'recordedAt', p_at ->> 'effectiveAt') <> 1 THEN
    PERFORM core.refuse_faults(core.fault('at', 'ONE_OF', 'exactly one of seq, recordedAt and effectiveAt is needed'));
  END IF;
  SELECT * INTO v_gate FROM core.gate WHERE customer_id = p_customer_id;
  IF NOT FOUND THEN
    PERFORM core.refuse_faults(core.fault('customerId', 'NOT_FOUND', 'there is no such customer'));
  END IF;
  v_seq := p_at ->> 'seq';
  v_at := coalesce(p_at ->> 'recordedAt', p_at ->> 'effectiveAt');
  IF v_seq > v_gate.seq THEN
    PERFORM core.refuse_faults(core.fault('seq', 'IN_THE_FUTURE', format('has not happened: the last one is %s', v_gate.seq)));
  ELSIF v_at > greatest(core.clock(), v_gate.last_at) THEN
    PERFORM core.refuse_faults(core.fault(CASE WHEN p_at ->> 'recordedAt' IS NULL THEN 'effectiveAt' ELSE 'recordedAt' END, 'IN_THE_FUTURE', 'must not be after now'));
  END IF;
  v_seq := coalesce(v_seq, core.seq_at(p_customer_id, v_at));
  RETURN (
    WITH stood AS (
      SELECT a.wallet_no, a.account, sum(a.balance) AS balance
      FROM (
        SELECT b.wallet_no, b.account, b.balance FROM core.balances_after(ARRAY[p_customer_id], ARRAY[v_seq]) AS b
        UNION ALL
        SELECT l.wallet_no, l.account, l.change FROM core.late_balances(p_customer_id, (p_at ->> 'effectiveAt')::timestamptz) AS l
      ) AS a
      GROUP BY a.wallet_no, a.account
    ), told AS (
      SELECT w.wallet_no, w.wallet_id, w.entity_no, w.credit_type,
             coalesce(sum(s.balance) FILTER (WHERE s.account = 'SCHEDULED'), 0) AS scheduled,
             coalesce(sum(s.balance) FILTER (WHERE s.account = 'AVAILABLE'), 0) AS available,
             coalesce(sum(s.balance) FILTER (WHERE s.account = 'HELD'), 0) AS held,
             coalesce(sum(s.balance) FILTER (WHERE s.account = 'LEASED'), 0) AS leased,
             coalesce(sum(s.balance) FILTER (WHERE s.account = 'OWED'), 0) AS owed,
             coalesce(sum(s.balance) FILTER (WHERE s.account = 'SHORTFALL'), 0) AS shortfall,
             coalesce(sum(s.balance) FILTER (WHERE s.account = 'RECEIVABLE'), 0) AS receivable
      FROM (SELECT * FROM core.wallet WHERE customer_id = p_customer_id ORDER BY wallet_no LIMIT c_most) AS w
      LEFT JOIN stood AS s ON s.wallet_no = w.wallet_no
      GROUP BY w.wallet_no, w.wallet_id, w.entity_no, w.credit_type
    )
    SELECT jsonb_build_object(
      'customerId', p_customer_id, 'incarnation', (SELECT incarnation FROM core.installation), 'seq', v_seq::text,
      'isFinal', p_at ->> 'effectiveAt' IS NULL OR v_gate.next_due_at > v_at,
      'wallets', coalesce(jsonb_agg(jsonb_build_object(
        'walletId', t.wallet_id, 'entityId', e.entity_id, 'creditType', t.credit_type, 'scheduled', trim_scale(t.scheduled)::text,
        'available', trim_scale(t.available)::text, 'held', trim_scale(t.held)::text, 'leased', trim_scale(t.leased)::text,
        'settled', trim_scale(t.available + t.held + t.leased)::text, 'owed', trim_scale(t.owed)::text,
        'shortfall', trim_scale(t.shortfall)::text, 'receivable', trim_scale(t.receivable)::text, 'decimals', c.decimals, 'displayDecimals', c.display_decimals) ORDER BY t.wallet_no), '[]'))
    FROM told AS t
    JOIN core.entity AS e ON e.customer_id = p_customer_id AND e.entity_no = t.entity_no
    JOIN core.credit_type AS c ON c.credit_type = t.credit_type);
END
$$;
