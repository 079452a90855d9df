-- Begins a new incarnation: from here on this server's history is the one that goes on. Part of every cursor
-- and version, so that what was read from a history that is gone cannot be mistaken for this one's.
CREATE OR REPLACE FUNCTION core.begin_incarnation(p_reason text) RETURNS integer
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_incarnation integer;
  v_identity text := core.identity();
BEGIN
  UPDATE core.installation SET incarnation = incarnation + 1, identity = v_identity RETURNING incarnation INTO v_incarnation;
  INSERT INTO core.incarnation (incarnation, identity, reason) VALUES (v_incarnation, v_identity, p_reason);
  RETURN v_incarnation;
END
$$;
