-- Writes the reversal of a usage event up to a share of it: its entries on the ledger, grants and wallets, counters, and core.reversal,
-- the row that stands for it.
--
-- A grant is numbered by its seq. So where a reversal makes several, all but the last belong to operations of their own, which follow one another and end
-- with that of the reversal; their entries name the grant they make, and its from_grant_no the one that had paid.
--
--   p_before, p_after  the shares that all reversals add up to
--
-- Returns the answer that its idempotency key keeps, with numbers for the wallets. Raises UC101 where a wallet would go out of range.
CREATE OR REPLACE FUNCTION core.book_reversal(p_gate core.gate, p_event core.usage_event, p_before numeric, p_after numeric, p_reason text, p_actor text)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate := p_gate;
  v_lapses CONSTANT boolean := (SELECT reversal_of_expired = 'LAPSE' FROM core.customer WHERE customer_id = p_gate.customer_id);
  v_slice record;
  v_wallet core.wallet;
  v_grant core.credit_grant;
  v_made core.credit_grant;
  v_account text;
  v_amount numeric;
  v_leg integer := 0;
  v_returned jsonb := '[]';
  v_quantities json;
  v_credits json;
  v_shortfall json;
  v_counters json;
  v_seq bigint;
BEGIN
  FOR v_slice IN SELECT * FROM core.reversed_slices(p_event, p_before, p_after) LOOP
    SELECT * INTO v_wallet FROM core.wallet WHERE customer_id = p_gate.customer_id AND wallet_no = v_slice.wallet_no;
    SELECT * INTO v_grant FROM core.credit_grant WHERE customer_id = p_gate.customer_id AND grant_no = v_slice.grant_no;
    -- Where it goes; null where it is for an adjustment.
    v_account := CASE
      WHEN v_slice.is_short THEN 'SHORTFALL'
      WHEN v_slice.grant_no IS NULL THEN 'OWED'
      WHEN v_grant.charged_back_at IS NOT NULL THEN 'RECEIVABLE'
      WHEN v_grant.voided_at IS NOT NULL THEN 'VOIDED'
      WHEN v_grant.expires_at > p_gate.last_at THEN 'AVAILABLE'
      WHEN v_lapses THEN 'EXPIRED' END;
    v_amount := CASE WHEN v_account = 'OWED' THEN least(v_slice.amount, v_wallet.owed) WHEN v_account IS NOT NULL THEN v_slice.amount ELSE 0 END;
    IF v_wallet.available + v_wallet.scheduled + v_wallet.held + v_slice.amount >= 1e29 THEN
      PERFORM core.refuse_faults(core.fault('share', 'TOO_LARGE', format('takes wallet %s out of range', v_wallet.wallet_id)));
    END IF;
    IF v_amount > 0 THEN
      -- part: book_reversal/return_part.plpgsql
    END IF;
    v_amount := v_slice.amount - v_amount;
    IF v_amount > 0 THEN
      -- part: book_reversal/adjust.plpgsql
    END IF;
  END LOOP;

  SELECT json_object_agg(a.measure, trim_scale(a.after - a.before)::text) INTO v_quantities
  FROM core.reversed_amounts(p_event, p_before, p_after) AS a WHERE a.measure NOT LIKE '$%' AND a.after > a.before;
  SELECT json_object_agg(s.credit_type, s.paid) FILTER (WHERE s.paid IS NOT NULL), json_object_agg(s.credit_type, s.short) FILTER (WHERE s.short IS NOT NULL)
  INTO v_credits, v_shortfall
  FROM (
    SELECT credit_type, trim_scale(sum(amount) FILTER (WHERE NOT is_short))::text AS paid, trim_scale(sum(amount) FILTER (WHERE is_short))::text AS short
    FROM core.reversed_slices(p_event, p_before, p_after) GROUP BY credit_type
  ) AS s;
  SELECT json_agg(json_build_array(c.counter_no, trim_scale(c.amount), c.counted_at)) INTO v_counters FROM core.reversed_counts(p_event, p_before, p_after) AS c;
  -- What was counted before the counter's window began is no longer in it.
  UPDATE core.counter AS c
  SET used = c.used - r.amount
  FROM (
    SELECT n.counter_no, sum(n.amount) AS amount
    FROM core.reversed_counts(p_event, p_before, p_after) AS n
    WHERE n.counted_at >= (SELECT max(w.from_seq) FROM core.counter_window AS w WHERE w.customer_id = p_gate.customer_id AND w.counter_no = n.counter_no)
    GROUP BY n.counter_no
  ) AS r
  WHERE c.customer_id = p_gate.customer_id AND c.counter_no = r.counter_no;

  v_seq := core.end_change(v_gate, NULL, NULL, NULL, NULL, NULL);
  INSERT INTO core.reversal (customer_id, seq, first_seq, recorded_at, event_seq, event_recorded_at, share, quantities, credits, shortfall, counters, actor)
  VALUES (p_gate.customer_id, v_seq, p_gate.seq + 1, p_gate.last_at, p_event.seq, p_event.recorded_at, p_after - p_before,
          coalesce(v_quantities, '{}'), v_credits, v_shortfall, v_counters, p_actor);
  INSERT INTO core.reversal_reason (customer_id, seq, reason) VALUES (p_gate.customer_id, v_seq, p_reason);
  INSERT INTO core.ledger_origin (customer_id, seq, actor, source, terms)
  SELECT DISTINCT p_gate.customer_id, e.seq, p_actor, 'usage:' || p_event.seq, CASE WHEN g.grant_no IS NOT NULL THEN core.all_grant_terms(g) END
  FROM core.ledger_entry AS e
  LEFT JOIN core.credit_grant AS g ON g.customer_id = e.customer_id AND g.grant_no = e.seq
  WHERE e.customer_id = p_gate.customer_id AND e.seq > p_gate.seq AND e.recorded_at = p_gate.last_at;
  RETURN jsonb_build_object(
    'usageEventId', p_event.seq::text, 'share', trim_scale(p_after - p_before)::text, 'reversed', trim_scale(p_after)::text,
    'quantities', coalesce(v_quantities, '{}'), 'credits', coalesce(v_credits, '{}'), 'shortfall', coalesce(v_shortfall, '{}'),
    'returned', v_returned, 'seq', v_seq::text, 'recordedAt', p_gate.last_at);
END
$$;
