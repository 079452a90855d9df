-- The number that an id of ours is: a seq, of which a usage event or reservation has its name. Null for null, and 0, which is nobody's, for
-- whatever is no such number.
CREATE OR REPLACE FUNCTION core.number_of(p_id text) RETURNS bigint
LANGUAGE plpgsql
IMMUTABLE
STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN CASE WHEN p_id ~ '^[1-9][0-9]{0,17}$' THEN p_id::bigint ELSE 0 END;
END
$$;
