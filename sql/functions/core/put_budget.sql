-- Writes a budget that is new, or whose rule has changed: the next version of it, and the change that tells of it; and tells of
-- the thresholds that are reached by it. Where nothing differs nothing is written, and no seq is taken.
--
--   p_old  with no budget_no for a new one
CREATE OR REPLACE FUNCTION core.put_budget(p_gate core.gate, p_old core.budget, p_new core.budget, p_actor text) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_new core.budget := p_new;
BEGIN
  IF p_old.budget_no IS NULL THEN
    v_new.budget_version := 1;
    INSERT INTO core.budget SELECT v_new.*;
  ELSIF p_new <> p_old THEN
    v_new.budget_version := p_old.budget_version + 1;
    UPDATE core.budget
    SET amount_limit = v_new.amount_limit, mode = v_new.mode, advice = v_new.advice, is_active = v_new.is_active,
        archived_at = v_new.archived_at, thresholds = v_new.thresholds, budget_version = v_new.budget_version
    WHERE customer_id = v_new.customer_id AND budget_no = v_new.budget_no;
    PERFORM core.enqueue_crossings_of_budget(p_old, v_new, p_gate.last_at);
  ELSE
    RETURN;
  END IF;
  PERFORM core.end_change(p_gate, 'BUDGET', v_new.budget_no::text,
    CASE WHEN p_old.budget_no IS NOT NULL THEN to_jsonb(p_old) - '{customer_id,budget_id}'::text[] END,
    to_jsonb(v_new) - '{customer_id,budget_id}'::text[], p_actor);
END
$$;
