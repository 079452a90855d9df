-- Archives a budget, for good: it binds and counts no more, its history stays, and its id stays taken, so that whoever reads of it
-- in a report, an answer or an alert never means another one. What was reserved before is settled on it all the same.
--
--   p_input  budgetId!
--
-- Returns the budget as api.read_budgets has it; again changes nothing. Raises UC101 for an unknown one.
CREATE OR REPLACE FUNCTION api.archive_budget(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_id text := p_input ->> 'budgetId';
  v_gate core.gate;
  v_old core.budget;
  v_new core.budget;
BEGIN
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"budgetId": "key!"}'));
  v_gate := core.begin_change(p_customer_id);
  SELECT * INTO v_old FROM core.budget WHERE customer_id = p_customer_id AND budget_id = v_id;
  IF NOT FOUND THEN
    PERFORM core.refuse_faults(core.fault('budgetId', 'NOT_FOUND', format('there is no budget %s', v_id)));
  END IF;
  v_new := v_old;
  v_new.is_active := false;
  v_new.archived_at := coalesce(v_old.archived_at, v_gate.last_at);
  PERFORM core.put_budget(v_gate, v_old, v_new, p_actor);
  RETURN (SELECT row - 'key' FROM api.read_budgets(p_customer_id, jsonb_build_object('budgetId', v_id), NULL, 1) AS row);
END
$$;
