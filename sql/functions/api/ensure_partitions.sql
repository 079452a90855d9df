-- Makes the partitions of the months to come where one is missing, and returns how many it made. Every process of the
-- API calls it when it starts and once a day, so that one that runs for months runs into none that is not there.
-- Raises 55P03 where the tables cannot be locked in time; nothing is lost by it, the next call tries again.
CREATE OR REPLACE FUNCTION api.ensure_partitions() RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN core.ensure_partitions();
END
$$;
