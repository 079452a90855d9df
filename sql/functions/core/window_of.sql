-- The window of a budget in which p_at lies, from starts_at to before ends_at (KERNEL §4).
--
--   p_window   REQUEST, MINUTE, HOUR, DAY, WEEK, MONTH, YEAR, BILLING_PERIOD, TOTAL
--   p_zone     an IANA zone: windows of a day and more go by the clock on its walls
--   p_anchor   where a window begins, and from there in both directions; NULL is the calendar (weeks from Monday)
--   p_created  since when the customer exists: without plans, BILLING_PERIOD is the month from there
--
-- Steps are counted from the anchor and not from window to window, so that a month-end stays one: the 31st
-- is the 28th in February and the 31st again in March.
--
-- IMMUTABLE: instants are shifted by hours at most, wall times by days and months, so that the session's time
-- zone has no part in it. Raises 20000 (case_not_found) for another window and 22023 for an unknown zone.
CREATE OR REPLACE FUNCTION core.window_of(
  p_window text, p_zone text, p_anchor timestamptz, p_created timestamptz, p_at timestamptz,
  OUT starts_at timestamptz, OUT ends_at timestamptz
)
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_anchor timestamptz := CASE WHEN p_window = 'BILLING_PERIOD' THEN p_created ELSE p_anchor END;
  v_wall timestamp := p_at AT TIME ZONE p_zone;
  v_step interval;
  v_origin timestamp;
  v_steps integer := 0;
BEGIN
  CASE p_window
    WHEN 'REQUEST', 'TOTAL' THEN
      starts_at := '-infinity';
      ends_at := 'infinity';
      RETURN;
    WHEN 'MINUTE' THEN v_step := '1 minute';
    WHEN 'HOUR' THEN v_step := '1 hour';
    WHEN 'DAY' THEN v_step := '1 day';
    WHEN 'WEEK' THEN v_step := '7 days';
    WHEN 'MONTH', 'BILLING_PERIOD' THEN v_step := '1 month';
    WHEN 'YEAR' THEN v_step := '12 months';
  END CASE;
  IF p_window IN ('MINUTE', 'HOUR') THEN
    starts_at := CASE
      WHEN v_anchor IS NULL THEN p_at - (v_wall - date_trunc(p_window, v_wall))
      ELSE v_anchor + floor(extract(epoch FROM p_at - v_anchor) / extract(epoch FROM v_step)) * v_step
    END;
    ends_at := starts_at + v_step;
    -- Where the clock was put by half an hour meanwhile, that was no full hour: the window begins when the one before it ended, with the
    -- next full hour of the old time.
    v_wall := starts_at AT TIME ZONE p_zone;
    IF v_anchor IS NULL AND v_wall <> date_trunc(p_window, v_wall) THEN
      starts_at := least(p_at, starts_at + (v_step - (v_wall - date_trunc(p_window, v_wall))));
    END IF;
    RETURN;
  END IF;
  IF v_anchor IS NULL THEN
    v_origin := date_trunc(p_window, v_wall);
  ELSE
    v_origin := v_anchor AT TIME ZONE p_zone;
    -- About right; the loops below make it exact.
    v_steps := CASE p_window
      WHEN 'DAY' THEN v_wall::date - v_origin::date
      WHEN 'WEEK' THEN (v_wall::date - v_origin::date) / 7
      WHEN 'YEAR' THEN extract(year FROM v_wall) - extract(year FROM v_origin)
      ELSE (extract(year FROM v_wall) - extract(year FROM v_origin)) * 12
        + extract(month FROM v_wall) - extract(month FROM v_origin)
    END;
  END IF;
  starts_at := core.instant_of(v_origin + v_steps * v_step, p_zone);
  WHILE starts_at > p_at LOOP
    v_steps := v_steps - 1;
    starts_at := core.instant_of(v_origin + v_steps * v_step, p_zone);
  END LOOP;
  ends_at := core.instant_of(v_origin + (v_steps + 1) * v_step, p_zone);
  WHILE ends_at <= p_at LOOP
    v_steps := v_steps + 1;
    starts_at := ends_at;
    ends_at := core.instant_of(v_origin + (v_steps + 1) * v_step, p_zone);
  END LOOP;
END
$$;
