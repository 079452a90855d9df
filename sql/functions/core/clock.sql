-- The one clock of every rule. A test environment may move it (core.installation.clock_offset); the wall's
-- own time is asked for nowhere else, except to say when a row of the installation was made. It never shows a time
-- before the newest month that was opened, so that a clock that is put back changes no month whose beginning is known.
CREATE OR REPLACE FUNCTION core.clock() RETURNS timestamptz
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (SELECT greatest(clock_timestamp() + clock_offset, clock_floor) FROM core.installation);
END
$$;
