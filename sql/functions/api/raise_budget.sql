-- Raises a budget's limit for a time, once per idempotency key. The end is booked when it is due.
--
--   p_input  idempotencyKey!, budgetId!, amount!, until! (after now), reason!
--
-- Returns {raiseId, budgetId, amount, until, seq, recordedAt, replayed}, the first answer again for the same key, though the raise
-- may have ended or the budget be archived since. Raises UC101 with all faults: IDEMPOTENCY_CONFLICT at the field that differs
-- from the request that used the key.
CREATE OR REPLACE FUNCTION api.raise_budget(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_fields CONSTANT text[] := '{operation,budgetId,amount,until,reason}';
  v_faults jsonb := core.faults(p_input, '', '{"idempotencyKey": "text!", "budgetId": "key!", "amount": "amount!", "until": "instant!", "reason": "text!"}');
  v_id text := p_input ->> 'budgetId';
  v_gate core.gate;
  v_month date;
  v_print bytea;
  v_budget core.budget;
  v_amount numeric;
  v_until timestamptz;
  v_answer jsonb;
  v_replayed boolean;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  v_gate := core.begin_change(p_customer_id);
  v_month := core.key_month(p_input ->> 'idempotencyKey', (SELECT date_trunc('month', installed_at, 'UTC') AT TIME ZONE 'UTC' FROM core.installation)::date);
  v_print := core.raise_fingerprint(p_input);
  v_answer := core.known_answer(p_customer_id, p_input ->> 'idempotencyKey', v_month, v_print, c_fields);
  v_replayed := v_answer IS NOT NULL;
  IF NOT v_replayed THEN
    IF v_month > v_gate.last_at AT TIME ZONE 'UTC' + interval '1 month' THEN
      v_faults := core.fault('idempotencyKey', 'KEY_FROM_THE_FUTURE', 'its time lies more than a month ahead');
    END IF;
    v_amount := p_input ->> 'amount';
    v_until := p_input ->> 'until';
    SELECT * INTO v_budget FROM core.budget WHERE customer_id = p_customer_id AND budget_id = v_id;
    IF v_budget.budget_no IS NULL THEN
      v_faults := v_faults || core.fault('budgetId', 'NOT_FOUND', format('there is no budget %s', v_id));
    ELSIF v_budget.archived_at IS NOT NULL THEN
      v_faults := v_faults || core.fault('budgetId', 'ARCHIVED', 'was archived, for good: set another one');
    END IF;
    IF v_amount = 0 THEN
      v_faults := v_faults || core.fault('amount', 'NOT_POSITIVE', 'must be greater than zero');
    ELSIF v_budget.raised + v_amount >= 1e29 THEN
      v_faults := v_faults || core.fault('amount', 'TOO_LARGE', 'takes the raises in force out of range');
    END IF;
    IF v_until <= v_gate.last_at THEN
      v_faults := v_faults || core.fault('until', 'IN_THE_PAST', 'must be after now');
    END IF;
    PERFORM core.refuse_faults(v_faults || core.unit_faults(p_input ->> 'amount', v_budget.credit_type, 'amount'));

    UPDATE core.budget SET raised = raised + v_amount WHERE customer_id = p_customer_id AND budget_no = v_budget.budget_no;
    v_gate.next_due_at := least(v_gate.next_due_at, v_until);
    v_answer := jsonb_build_object('raiseId', (v_gate.seq + 1)::text, 'budgetNo', v_budget.budget_no, 'amount', trim_scale(v_amount)::text,
      'until', v_until, 'seq', (v_gate.seq + 1)::text, 'recordedAt', v_gate.last_at);
    INSERT INTO core.idempotency (customer_id, key_month, key, fingerprint, recorded_at, seq, answer, allowed)
    VALUES (p_customer_id, v_month, core.key_bytes(p_input ->> 'idempotencyKey'), v_print, v_gate.last_at, v_gate.seq + 1, v_answer::json, true);
    -- The reason may name somebody: it stands with the raise alone, which can be erased.
    INSERT INTO core.budget_raise (customer_id, raise_no, budget_no, amount, until, raised_by, reason, created_at)
    VALUES (p_customer_id, v_gate.seq + 1, v_budget.budget_no, v_amount, v_until, p_actor, p_input ->> 'reason', v_gate.last_at);
    PERFORM core.end_change(v_gate, 'RAISE', v_budget.budget_no::text,
      jsonb_build_object('budgetNo', v_budget.budget_no, 'raised', trim_scale(v_budget.raised)::text),
      jsonb_build_object('budgetNo', v_budget.budget_no, 'raised', trim_scale(v_budget.raised + v_amount)::text, 'raiseNo', v_gate.seq + 1,
                         'amount', trim_scale(v_amount)::text, 'until', v_until), p_actor);
  END IF;
  RETURN (v_answer - 'budgetNo') || jsonb_build_object(
    'budgetId', (SELECT budget_id FROM core.budget WHERE customer_id = p_customer_id AND budget_no = (v_answer ->> 'budgetNo')::integer),
    'replayed', v_replayed);
END
$$;
