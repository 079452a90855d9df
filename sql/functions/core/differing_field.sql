-- The first field in which two fingerprints differ, by its name in the request. A fingerprint has four bytes
-- a field, in the order in which core.parse_items and, for the dimensions, core.judge put them together.
CREATE OR REPLACE FUNCTION core.differing_field(p_one bytea, p_other bytea) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  FOR v_field IN 0 .. 8 LOOP
    IF substr(p_one, v_field * 4 + 1, 4) <> substr(p_other, v_field * 4 + 1, 4) THEN
      RETURN ('{operation,featureId,quantities,entityIds,sessionId,overage,group,occurredAt,dimensions}'::text[])[v_field + 1];
    END IF;
  END LOOP;
  RETURN 'operation'; -- another operation's fingerprint may be shorter
END
$$;
