-- Puts an alert on its queue for each threshold of a budget that a counter has reached and had not before, in the caller's transaction;
-- for none of a budget that is paused or archived, since it binds nobody. Whose it is stands there by number, since people can be
-- forgotten.
--
--   p_before  what it had reached
CREATE OR REPLACE FUNCTION core.enqueue_crossings(p_budget core.budget, p_counter core.counter, p_before numeric[], p_at timestamptz) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM core.enqueue(p_counter.customer_id, 'alert', jsonb_build_object(
    'kind', 'BUDGET_THRESHOLD', 'budgetNo', p_budget.budget_no, 'budgetVersion', p_budget.budget_version, 'entityNo', p_counter.subject_no,
    'sessionId', CASE WHEN p_budget.subject_kind = 'SESSION' THEN p_counter.session_id END,
    'threshold', trim_scale(share)::text, 'used', trim_scale(p_counter.used)::text,
    'limit', trim_scale(p_budget.amount_limit + p_budget.raised)::text,
    'windowStart', CASE WHEN p_counter.window_start > '-infinity' THEN p_counter.window_start END,
    'windowEnd', CASE WHEN p_counter.window_end < 'infinity' THEN p_counter.window_end END, 'at', p_at))
  FROM unnest(core.reached_thresholds(p_budget, p_counter.used)) AS share
  WHERE share <> ALL (p_before) AND p_budget.is_active;
END
$$;
