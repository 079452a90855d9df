-- The first field in which a fingerprint of four bytes a field differs from another one, which may be another operation's.
--
--   p_fields  the names of its fields in their order, the operation first
CREATE OR REPLACE FUNCTION core.fingerprint_difference(p_one bytea, p_other bytea, p_fields text[]) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT name FROM unnest(p_fields) WITH ORDINALITY AS field (name, n)
    WHERE substr(p_one, n::integer * 4 - 3, 4) <> substr(p_other, n::integer * 4 - 3, 4)
    ORDER BY n LIMIT 1
  );
END
$$;
