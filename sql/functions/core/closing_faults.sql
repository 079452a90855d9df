-- What speaks against closing a month; nothing does against one that is closed already. Months are closed in turn, the first
-- of all whichever one likes: it closes those before it too.
CREATE OR REPLACE FUNCTION core.closing_faults(p_month date) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_begins_at timestamptz := p_month::timestamp AT TIME ZONE 'UTC';
  v_ends_at timestamptz := (p_month + interval '1 month') AT TIME ZONE 'UTC';
  v_open_from timestamptz;
  v_closed_until timestamptz;
BEGIN
  IF p_month IS NULL OR extract(DAY FROM p_month) <> 1 THEN
    RETURN core.fault('month', 'NOT_A_MONTH', 'must be the first day of a month');
  END IF;
  SELECT open_from, closed_until INTO v_open_from, v_closed_until FROM core.installation;
  IF v_ends_at <= v_closed_until THEN
    RETURN '[]';
  ELSIF v_ends_at > core.clock() THEN
    RETURN core.fault('month', 'NOT_OVER', format('is not over before %s', to_char(v_ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')));
  ELSIF v_open_from > coalesce(v_closed_until, '-infinity') AND v_ends_at <> v_open_from THEN
    RETURN core.fault('month', 'NOT_NEXT', format('must wait: %s is being closed', to_char(v_open_from AT TIME ZONE 'UTC' - interval '1 month', 'YYYY-MM')));
  ELSIF v_begins_at > v_closed_until THEN
    RETURN core.fault('month', 'NOT_NEXT', format('must wait: %s is to be closed first', to_char(v_closed_until AT TIME ZONE 'UTC', 'YYYY-MM')));
  END IF;
  RETURN '[]';
END
$$;
