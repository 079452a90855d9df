-- core.clock for the views of report: what a view calls runs with the rights of whoever reads it.
CREATE OR REPLACE FUNCTION core.report_clock() RETURNS timestamptz
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN core.clock();
END
$$;
