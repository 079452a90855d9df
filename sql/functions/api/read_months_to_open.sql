-- The months that have begun and are not opened, in their order: those after the last one that was opened or, if none was, after
-- that in which the first customer was made. What api.open_month is called for, by every process of the API once a day.
CREATE OR REPLACE FUNCTION api.read_months_to_open() RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_last date := coalesce((SELECT max(month) FROM core.month WHERE opened_at IS NOT NULL),
                          (SELECT date_trunc('month', min(created_at) AT TIME ZONE 'UTC')::date FROM core.customer));
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(m.month::date ORDER BY m.month), '[]')
    FROM generate_series(v_last + interval '1 month', date_trunc('month', core.clock() AT TIME ZONE 'UTC'), '1 month') AS m (month));
END
$$;
