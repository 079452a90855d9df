-- Sets a budget, or changes the limit, mode, advice and thresholds of one. What it counts, and whom, never changes: that is
-- another budget. It counts from here on, in mid-window too. One that is paused stays so; the id of an archived one stays taken.
--
--   p_input  budgetId!, limit! (absent leaves as it is), mode (HARD, SOFT, OBSERVE; default HARD), advice (any JSON,
--            told to those who pass a SOFT budget), thresholds (at most 10 shares of the limit in force, more than 0 and at
--            most 10, such as "0.8": who reaches one is told of on the queue of alerts, once), and, never to change:
--            entityId (null: the customer itself), each (null: entityId itself; "SESSION": every session below it;
--            anything else: every entity of that type below it), measure! (CREDITS, QUANTITY), creditType (CREDITS),
--            featureId (QUANTITY; optional for CREDITS), quantity (QUANTITY), dimensions {name: value} (only requests that
--            carry them count), window!, anchorAt (windows begin here instead of with the calendar), timeZone
--            (IANA, default UTC). null is as good as absent for a new budget, and for what every budget has; else it says that there
--            is none
--
-- Returns the budget as api.read_budgets has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.set_budget(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_windows CONSTANT text[] := '{REQUEST,MINUTE,HOUR,DAY,WEEK,MONTH,BILLING_PERIOD,YEAR,TOTAL}';
  v_id text := p_input ->> 'budgetId';
  v_faults jsonb := core.faults(p_input, '', '{"budgetId": "key!", "entityId": "key", "each": "key", "measure": "CREDITS|QUANTITY", "creditType": "id",
    "featureId": "id", "quantity": "id", "dimensions": "labels", "window": "REQUEST|MINUTE|HOUR|DAY|WEEK|MONTH|BILLING_PERIOD|YEAR|TOTAL",
    "anchorAt": "instant", "timeZone": "text", "mode": "HARD|SOFT|OBSERVE", "limit": "amount", "advice": "any",
    "thresholds": "list"}') || core.threshold_faults(p_input -> 'thresholds');
  v_gate core.gate;
  v_old core.budget;
  v_new core.budget;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  v_gate := core.begin_change(p_customer_id);
  SELECT * INTO v_old FROM core.budget WHERE customer_id = p_customer_id AND budget_id = v_id;
  v_new := v_old;
  v_new.customer_id := p_customer_id;
  v_new.amount_limit := coalesce((p_input ->> 'limit')::numeric, v_old.amount_limit);
  v_new.mode := coalesce(p_input ->> 'mode', v_old.mode, 'HARD');
  v_new.advice := CASE WHEN p_input ? 'advice' THEN nullif(p_input -> 'advice', 'null') ELSE v_old.advice END;
  v_new.thresholds := CASE WHEN p_input ? 'thresholds' THEN ARRAY(
    SELECT share::numeric FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(p_input -> 'thresholds') = 'array' THEN p_input -> 'thresholds' ELSE '[]' END) AS share
    ORDER BY share::numeric) ELSE coalesce(v_old.thresholds, '{}') END;
  v_new := core.budget_shape(p_customer_id, p_input, v_new);
  PERFORM core.refuse_faults(core.budget_faults(p_input, v_old, v_new));

  IF v_old.budget_no IS NULL THEN
    v_gate.last_no := v_gate.last_no + 1;
    v_gate.counts_sessions := v_gate.counts_sessions OR v_new.subject_kind = 'SESSION';
    v_new.budget_no := v_gate.last_no;
    v_new.budget_id := v_id;
    v_new.raised := 0;
    v_new.window_rank := array_position(c_windows, v_new.budget_window) - 1;
    v_new.is_active := true;
    v_new.counts_from_seq := v_gate.seq + 1;
    v_new.created_at := v_gate.last_at;
  END IF;
  PERFORM core.put_budget(v_gate, v_old, v_new, p_actor);
  RETURN (SELECT row - 'key' FROM api.read_budgets(p_customer_id, jsonb_build_object('budgetId', v_id), NULL, 1) AS row);
END
$$;
