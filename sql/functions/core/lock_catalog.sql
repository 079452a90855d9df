-- Locks the catalogue for one change and returns the version that change will have. Writers wait for each other
-- here; readers take the newest rows at or below the version they read, and wait for nobody.
CREATE OR REPLACE FUNCTION core.lock_catalog() RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_version bigint;
BEGIN
  PERFORM core.begin_writing();
  SELECT catalog_version INTO v_version FROM core.installation FOR NO KEY UPDATE;
  RETURN v_version + 1;
END
$$;
