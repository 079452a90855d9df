-- The first field in which two fingerprints differ, by its name in the request. A fingerprint has four bytes
-- a field; core.judge puts those of an item, of its amounts, of its route and of the route's dimensions together.
CREATE OR REPLACE FUNCTION core.differing_field(p_one bytea, p_other bytea) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_name text;
  v_place integer;
BEGIN
  -- by the field's place in the print, in the order in which a request names them
  FOR v_name, v_place IN VALUES ('operation', 3), ('featureId', 4), ('quantities', 2), ('entityIds', 5), ('sessionId', 0),
    ('dimensions', 8), ('overage', 6), ('group', 1), ('occurredAt', 7)
  LOOP
    IF substr(p_one, v_place * 4 + 1, 4) <> substr(p_other, v_place * 4 + 1, 4) THEN
      RETURN v_name;
    END IF;
  END LOOP;
  RETURN 'operation'; -- another operation's fingerprint may be shorter
END
$$;
