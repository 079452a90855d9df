-- An instant as JSON: ISO 8601 in UTC, null for infinity.
CREATE OR REPLACE FUNCTION core.json_instant(p_at timestamptz) RETURNS text
LANGUAGE sql
STABLE
AS $$
  SELECT CASE WHEN p_at = 'infinity' THEN 'null' ELSE pg_catalog.to_char(p_at AT TIME ZONE 'UTC', '"\""YYYY-MM-DD"T"HH24:MI:SS"Z\""') END
$$;
