-- The first twelve digits, with their hyphen, of the earliest UUIDv7 of a day: its milliseconds since 1970.
CREATE OR REPLACE FUNCTION core.uuid_prefix(p_day date) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $$
DECLARE
  v_digits text := pg_catalog.lpad(pg_catalog.to_hex((p_day - date '1970-01-01') * 86400000::bigint), 12, '0');
BEGIN
  RETURN pg_catalog.left(v_digits, 8) || '-' || pg_catalog.right(v_digits, 4);
END
$$;
