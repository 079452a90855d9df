-- When a window ends, as JSON: in whole seconds (core.json_instant), rounded up, so that who comes back then finds the next one begun.
CREATE OR REPLACE FUNCTION core.json_end(p_at timestamptz) RETURNS text
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
  RETURN core.json_instant(pg_catalog.date_trunc('second', p_at + interval '999999 microseconds'));
END
$$;
