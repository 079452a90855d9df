-- The first field in which the fingerprint of a grant differs from another one, which may be another operation's.
CREATE OR REPLACE FUNCTION core.grant_difference(p_one bytea, p_other bytea) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_fields CONSTANT text[] := '{operation,walletId,entityId,creditType,amount,kind,priority,effectiveAt,expiresAt,features,costBasis,currency,source}';
BEGIN
  RETURN (
    SELECT name FROM unnest(c_fields) WITH ORDINALITY AS field (name, n)
    WHERE substr(p_one, n::integer * 4 - 3, 4) <> substr(p_other, n::integer * 4 - 3, 4)
    ORDER BY n LIMIT 1
  );
END
$$;
