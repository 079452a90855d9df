-- The one clock of every rule. A test environment may move it (core.installation.clock_offset); the wall's
-- own time is asked for nowhere else, except to say when a row of the installation was made.
CREATE OR REPLACE FUNCTION core.clock() RETURNS timestamptz
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN clock_timestamp() + (SELECT clock_offset FROM core.installation);
END
$$;
