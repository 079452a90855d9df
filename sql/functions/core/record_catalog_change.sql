-- Makes a new version of the catalogue the current one, and says who changed what. Called after its rows are
-- written, under core.lock_catalog.
CREATE OR REPLACE FUNCTION core.record_catalog_change(p_version bigint, p_kind text, p_subject text, p_before jsonb, p_after jsonb, p_actor text)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE core.installation SET catalog_version = p_version;
  INSERT INTO core.installation_change (kind, subject, before, after, actor)
  VALUES (p_kind, p_subject, p_before, p_after, p_actor);
END
$$;
