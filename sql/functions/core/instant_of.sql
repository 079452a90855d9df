-- The instant at which a zone's clock on the wall shows p_wall. What it shows twice is the first of the two;
-- what it skips is as much later as the clock was put forward. (Postgres takes the second of two, which would
-- begin a day after its first hour where a zone goes back over midnight.)
CREATE OR REPLACE FUNCTION core.instant_of(p_wall timestamp, p_zone text) RETURNS timestamptz
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_last timestamptz := p_wall AT TIME ZONE p_zone;
  v_day_before timestamptz := v_last - interval '24 hours';
  v_offset interval := (v_day_before AT TIME ZONE p_zone) - (v_day_before AT TIME ZONE 'UTC');
  v_first timestamptz := (p_wall - v_offset) AT TIME ZONE 'UTC';
BEGIN
  RETURN CASE WHEN v_first AT TIME ZONE p_zone = p_wall THEN v_first ELSE v_last END;
END
$$;
