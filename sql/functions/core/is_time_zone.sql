-- Whether a name is a zone of the IANA database. Postgres takes more than that where it takes a zone, abbreviations and
-- POSIX rules among it, whose meaning a setting of the server can change.
CREATE OR REPLACE FUNCTION core.is_time_zone(p_name text) RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- The list is read from files, which takes long; nearly every budget is in UTC.
  RETURN p_name = 'UTC'
    OR (p_name !~ '^(posix|right)/' AND p_name NOT IN ('posixrules', 'localtime', 'Factory')
        AND EXISTS (SELECT FROM pg_timezone_names WHERE name = p_name));
END
$$;
