-- Takes back a usage event, or a share of it, once per idempotency key: the credits return to where they came from, and its budgets count
-- it no longer.
--
--   p_input  idempotencyKey!, usageEventId!, share (more than 0, at most 1; default: all that is left), reason!
--
-- Shares of one event add up to 1 at most. Of each credit type and quantity so much is returned that all reversals together come to the
-- share they add up to, rounded down; the one that makes it 1 takes the rest. What paid last is returned first: a shortfall and an overdraft are
-- no longer owed (what has been repaid since becomes an adjustment), a grant has its credits back. One that was voided does not, and for
-- one that has expired the customer's policy reversalOfExpired says what happens.
--
-- Returns {usageEventId, share, reversed (all shares so far), quantities, credits, shortfall, returned: [{walletId, account, grantId,
-- fromGrantId, amount, repaid}], seq, recordedAt, replayed}, the first answer again for the same key. Raises UC101 with all faults:
-- SHARE_EXCEEDED at `share` where not so much is left, IDEMPOTENCY_CONFLICT at the field that differs from the request that used the key.
CREATE OR REPLACE FUNCTION api.reverse_consumption(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_fields CONSTANT text[] := '{operation,usageEventId,share,reason}';
  v_gate core.gate;
  v_month date;
  v_print bytea;
  v_event core.usage_event;
  v_reversed numeric;
  v_share numeric;
  v_answer jsonb;
  v_replayed boolean;
BEGIN
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"idempotencyKey": "text!", "usageEventId": "text!", "share": "amount", "reason": "text!"}'));
  v_gate := core.begin_change(p_customer_id);
  v_month := core.key_month(p_input ->> 'idempotencyKey', (SELECT date_trunc('month', installed_at, 'UTC') AT TIME ZONE 'UTC' FROM core.installation)::date);
  v_print := core.reversal_fingerprint(p_input);
  v_answer := core.known_answer(p_customer_id, p_input ->> 'idempotencyKey', v_month, v_print, c_fields);
  v_replayed := v_answer IS NOT NULL;
  IF NOT v_replayed THEN
    -- A number of more digits is nobody's, nor is one that begins with a zero.
    IF p_input ->> 'usageEventId' ~ '^[1-9][0-9]{0,17}$' THEN
      SELECT * INTO v_event FROM core.usage_event WHERE customer_id = p_customer_id AND seq = (p_input ->> 'usageEventId')::bigint;
    END IF;
    SELECT coalesce(sum(share), 0) INTO v_reversed FROM core.reversal WHERE customer_id = p_customer_id AND event_seq = v_event.seq;
    v_share := coalesce((p_input ->> 'share')::numeric, 1 - v_reversed);
    PERFORM core.refuse_faults(core.reversal_faults(p_input, v_event, v_reversed, v_share)
      || CASE WHEN v_month > v_gate.last_at AT TIME ZONE 'UTC' + interval '1 month'
           THEN core.fault('idempotencyKey', 'KEY_FROM_THE_FUTURE', 'its time lies more than a month ahead') ELSE '[]' END);
    v_answer := core.book_reversal(v_gate, v_event, v_reversed, v_reversed + v_share, p_input ->> 'reason', p_actor);
    INSERT INTO core.idempotency (customer_id, key_month, key, fingerprint, recorded_at, seq, answer, allowed)
    VALUES (p_customer_id, v_month, core.key_bytes(p_input ->> 'idempotencyKey'), v_print, v_gate.last_at, (v_answer ->> 'seq')::bigint, v_answer::json, true);
  END IF;
  -- It is kept with the numbers of wallets, whose ids may hold those of people.
  RETURN v_answer || jsonb_build_object(
    'returned', (SELECT coalesce(jsonb_agg((part.part - 'walletNo') || jsonb_build_object('walletId', w.wallet_id) ORDER BY part.n), '[]')
                 FROM jsonb_array_elements(v_answer -> 'returned') WITH ORDINALITY AS part (part, n)
                 JOIN core.wallet AS w ON w.customer_id = p_customer_id AND w.wallet_no = (part.part ->> 'walletNo')::integer),
    'replayed', v_replayed);
END
$$;
