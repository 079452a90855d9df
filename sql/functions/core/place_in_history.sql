-- Which place of a customer's history is meant: the seq after which balances are asked for, and whether what had taken effect by then is
-- all booked.
--
--   p_at  one of seq, recordedAt and effectiveAt, as api.balances_at takes them
--
-- Raises UC101 for no or several of the three, for an unknown customer, and for what has not happened yet.
CREATE OR REPLACE FUNCTION core.place_in_history(p_customer_id text, p_at jsonb, OUT seq bigint, OUT is_final boolean)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate;
  v_at timestamptz;
BEGIN
  PERFORM core.refuse_faults(core.faults(p_at, '', '{"seq": "count", "recordedAt": "instant", "effectiveAt": "instant"}'));
  IF num_nonnulls(p_at ->> 'seq', p_at ->> 'recordedAt', p_at ->> 'effectiveAt') <> 1 THEN
    PERFORM core.refuse_faults(core.fault('at', 'ONE_OF', 'exactly one of seq, recordedAt and effectiveAt is needed'));
  END IF;
  SELECT g.* INTO v_gate FROM core.gate AS g WHERE g.customer_id = p_customer_id;
  IF NOT FOUND THEN
    PERFORM core.refuse_faults(core.fault('customerId', 'NOT_FOUND', 'there is no such customer'));
  END IF;
  seq := p_at ->> 'seq';
  v_at := coalesce(p_at ->> 'recordedAt', p_at ->> 'effectiveAt');
  IF seq > v_gate.seq THEN
    PERFORM core.refuse_faults(core.fault('seq', 'IN_THE_FUTURE', format('has not happened: the last one is %s', v_gate.seq)));
  ELSIF v_at > greatest(core.clock(), v_gate.last_at) THEN
    PERFORM core.refuse_faults(core.fault(CASE WHEN p_at ->> 'recordedAt' IS NULL THEN 'effectiveAt' ELSE 'recordedAt' END, 'IN_THE_FUTURE', 'must not be after now'));
  END IF;
  seq := coalesce(seq, core.seq_at(p_customer_id, v_at));
  is_final := p_at ->> 'effectiveAt' IS NULL OR v_gate.next_due_at > v_at;
END
$$;
