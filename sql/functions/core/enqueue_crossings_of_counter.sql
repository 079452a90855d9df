-- Tells of the thresholds that a counter reaches by what it counts now, each once: whoever reaches it again, after a reversal or in the next
-- window, crosses it again. What is held may come back, and does not count; a window that is over is nobody's concern any more.
--
--   p_old  NULL for a counter that is new
CREATE OR REPLACE FUNCTION core.enqueue_crossings_of_counter(p_old core.counter, p_new core.counter) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_budget core.budget;
  v_before numeric := coalesce(p_old.used, 0);
BEGIN
  IF p_new.used <= v_before AND p_new.window_start = p_old.window_start AND p_old.last_used_at > p_new.last_used_at - interval '720 hours'
     OR p_new.window_end <= p_new.last_used_at THEN
    RETURN;
  END IF;
  SELECT * INTO v_budget FROM core.budget WHERE customer_id = p_new.customer_id AND budget_no = p_new.budget_no;
  -- Counted anew: in another window, or for a session that had been forgotten.
  IF p_new.window_start <> p_old.window_start OR (v_budget.subject_kind = 'SESSION' AND p_old.last_used_at <= p_new.last_used_at - interval '720 hours') THEN
    v_before := 0;
    IF p_old.reached_before_pause IS NOT NULL THEN
      UPDATE core.counter SET reached_before_pause = NULL WHERE customer_id = p_new.customer_id AND counter_no = p_new.counter_no;
    END IF;
  END IF;
  PERFORM core.enqueue_crossings(v_budget, p_new, core.reached_thresholds(v_budget, v_before), p_new.last_used_at);
END
$$;
