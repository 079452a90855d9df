-- The clock for views of report, whose readers may call nothing of core and read none of its tables: a view reads tables as its owner,
-- but calls functions as whoever asks.
CREATE OR REPLACE FUNCTION core.clock_for_reports() RETURNS timestamptz
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN core.clock();
END
$$;
