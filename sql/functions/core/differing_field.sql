-- The first field in which two fingerprints differ, by its name in the request. A fingerprint has a letter for the operation
-- (its first) and one for the overage (its third, since all four differ there), then four bytes a field; core.judge
-- puts those of a route, of its dimensions, of the amounts and of an item together. What stands at the
-- end is there only where it was said, and is the instant of a RECORD or else the group, since no request can have both; a
-- reserve ends with its seconds.
CREATE OR REPLACE FUNCTION core.differing_field(p_one bytea, p_other bytea) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_name text;
  v_from integer;
  v_length integer;
BEGIN
  -- where it stands in the print, in the order in which a request names them
  FOR v_name, v_from, v_length IN VALUES ('operation', 1, 1), ('featureId', 3, 4), ('quantities', 15, 4), ('entityIds', 7, 4),
    ('sessionId', 19, 4), ('dimensions', 11, 4), ('overage', 2, 1)
  LOOP
    IF substr(p_one, v_from, v_length) <> substr(p_other, v_from, v_length) THEN
      RETURN v_name;
    END IF;
  END LOOP;
  IF get_byte(p_one, 0) = ascii('r') AND substr(p_one, 1, length(p_one) - 4) = substr(p_other, 1, length(p_other) - 4) THEN
    RETURN 'ttlSeconds';
  END IF;
  RETURN CASE convert_from(substr(p_one, 2, 1), 'UTF8') WHEN 'C' THEN 'occurredAt' ELSE 'group' END;
END
$$;
