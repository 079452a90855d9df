-- What this database is, for whoever is about to serve from it. needsRecovery: it is another history than
-- before, and nothing is decided until `controlplane recover`.
CREATE OR REPLACE FUNCTION api.read_installation() RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT jsonb_build_object(
      'environment', i.environment, 'incarnation', i.incarnation, 'now', core.clock(),
      'needsRecovery', i.identity <> core.identity(), 'minCodeVersion', s.min_code_version)
    FROM core.installation AS i CROSS JOIN core.schema_state AS s);
END
$$;
