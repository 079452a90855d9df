-- Which history this server writes: the cluster, its timeline and the database. A restored dump, a base
-- backup or a promoted replica has another one. (A new database under the same name as a dropped one has a
-- new oid; so has a dump restored elsewhere.)
CREATE OR REPLACE FUNCTION core.identity() RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_database oid;
BEGIN
  SELECT oid INTO v_database FROM pg_database WHERE datname = current_database();
  RETURN (pg_control_system()).system_identifier
    || '/' || CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END
    || '/' || v_database;
END
$$;
