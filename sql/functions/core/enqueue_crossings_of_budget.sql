-- Tells of the thresholds that counters reach because a budget changes: its limit is lowered, a raise ends, a threshold is new, or it goes
-- on after a pause. Then what came to a threshold meanwhile is told, by reservations that were settled, by its limit or otherwise, and what
-- had come to it before the pause is not told again, unless the thresholds were taken away since. A raise that begins reaches nothing.
--
--   p_at  the instant of the operation, which decides what windows are over
CREATE OR REPLACE FUNCTION core.enqueue_crossings_of_budget(p_old core.budget, p_new core.budget, p_at timestamptz) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_goes_on CONSTANT boolean := p_new.is_active AND NOT p_old.is_active;
  v_counter core.counter;
BEGIN
  IF p_old.thresholds <> p_new.thresholds THEN
    UPDATE core.counter
    SET is_watched = p_new.thresholds <> '{}', reached_before_pause = CASE WHEN p_new.thresholds <> '{}' THEN reached_before_pause END
    WHERE customer_id = p_new.customer_id AND budget_no = p_new.budget_no;
  END IF;
  IF (p_old.amount_limit + p_old.raised, p_old.thresholds, p_old.is_active) = (p_new.amount_limit + p_new.raised, p_new.thresholds, p_new.is_active) THEN
    RETURN;
  END IF;
  IF p_old.is_active AND NOT p_new.is_active AND p_new.archived_at IS NULL THEN
    UPDATE core.counter SET reached_before_pause = core.reached_thresholds(p_old, used)
    WHERE customer_id = p_new.customer_id AND budget_no = p_new.budget_no
      AND used > 0 AND used >= p_old.thresholds[1] * (p_old.amount_limit + p_old.raised);
  END IF;
  FOR v_counter IN
    SELECT * FROM core.counter
    WHERE customer_id = p_new.customer_id AND budget_no = p_new.budget_no AND used > 0 AND window_end > p_at
      AND p_new.is_active AND p_new.thresholds <> '{}'
      AND (p_new.subject_kind <> 'SESSION' OR last_used_at > p_at - interval '720 hours')
  LOOP
    PERFORM core.enqueue_crossings(p_new, v_counter, CASE WHEN v_goes_on THEN coalesce(v_counter.reached_before_pause, '{}')
                                                     ELSE core.reached_thresholds(p_old, v_counter.used) END, p_at);
  END LOOP;
  IF v_goes_on THEN
    UPDATE core.counter SET reached_before_pause = NULL
    WHERE customer_id = p_new.customer_id AND budget_no = p_new.budget_no AND reached_before_pause IS NOT NULL;
  END IF;
END
$$;
