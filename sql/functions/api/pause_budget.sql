-- Pauses a budget, or lets it go on. While it is paused it binds nobody, counts nothing and tells of no threshold; what it had
-- counted stays, and it goes on from there in the same window, telling of the thresholds that were reached meanwhile. What was
-- reserved before is settled, released and given back on it all the same.
--
--   p_input  budgetId!, paused!
--
-- Returns the budget as api.read_budgets has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.pause_budget(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
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
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"budgetId": "key!", "paused": "boolean!"}'));
  v_gate := core.begin_change(p_customer_id);
  SELECT * INTO v_old FROM core.budget WHERE customer_id = p_customer_id AND budget_id = v_id;
  IF NOT FOUND THEN
    PERFORM core.refuse_faults(core.fault('budgetId', 'NOT_FOUND', format('there is no budget %s', v_id)));
  ELSIF v_old.archived_at IS NOT NULL THEN
    PERFORM core.refuse_faults(core.fault('budgetId', 'ARCHIVED', 'was archived, for good: set another one'));
  END IF;
  v_new := v_old;
  v_new.is_active := NOT (p_input ->> 'paused')::boolean;
  PERFORM core.put_budget(v_gate, v_old, v_new, p_actor);
  RETURN (SELECT row - 'key' FROM api.read_budgets(p_customer_id, jsonb_build_object('budgetId', v_id), NULL, 1) AS row);
END
$$;
