-- Raises a budget's limit for a time. The end is booked when it is due.
--
--   p_input  budgetId!, amount!, until! (after now), reason!
--
-- Returns the budget as api.read_budgets has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.raise_budget(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := core.faults(p_input, '', '{"budgetId": "key!", "amount": "amount!", "until": "instant!", "reason": "text!"}');
  v_id text := p_input ->> 'budgetId';
  v_gate core.gate;
  v_budget core.budget;
  v_amount numeric;
  v_until timestamptz;
  v_seq bigint;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  v_gate := core.begin_change(p_customer_id);
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
  -- The reason may name somebody: it stands with the raise alone, which can be erased.
  v_seq := core.end_change(v_gate, 'RAISE', v_budget.budget_no::text, NULL,
    jsonb_build_object('budgetNo', v_budget.budget_no, 'amount', trim_scale(v_amount)::text, 'until', v_until), p_actor);
  INSERT INTO core.budget_raise (customer_id, raise_no, budget_no, amount, until, raised_by, reason, created_at)
  VALUES (p_customer_id, v_seq, v_budget.budget_no, v_amount, v_until, p_actor, p_input ->> 'reason', v_gate.last_at);
  RETURN (SELECT row - 'key' FROM api.read_budgets(p_customer_id, jsonb_build_object('budgetId', v_id), NULL, 1) AS row);
END
$$;
