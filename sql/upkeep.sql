-- Run at the end of every `controlplane migrate` and `up`: makes what time has made necessary.
-- (DO: the runner's statements return nothing.)
DO $upkeep$
BEGIN
  INSERT INTO core.installation (environment, identity)
  SELECT environment, core.identity() FROM core.schema_state
  ON CONFLICT DO NOTHING;
  INSERT INTO core.incarnation (incarnation, identity, reason)
  SELECT incarnation, identity, 'installed' FROM core.installation
  ON CONFLICT DO NOTHING;
  PERFORM core.ensure_partitions();
END
$upkeep$;
