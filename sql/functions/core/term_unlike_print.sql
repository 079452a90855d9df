-- The first term in which a grant is not the one that was asked for under a key, as far as the key's fingerprint tells: for grants
-- made before core.ledger_origin kept their terms. What was said of a wallet cannot be known from its number.
--
--   p_terms  all of them, as the grant had them when it was made (core.all_grant_terms)
--   p_at     when it was made, which is its effectiveAt where none was said
CREATE OR REPLACE FUNCTION core.term_unlike_print(p_terms jsonb, p_print bytea, p_at timestamptz) RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_fields CONSTANT text[] := '{amount,kind,priority,effectiveAt,expiresAt,features,costBasis,currency,source,isPending}';
  v_print CONSTANT bytea := core.grant_fingerprint(p_terms || jsonb_build_object('pendingPayment', p_terms -> 'isPending'));
BEGIN
  RETURN (
    SELECT f.name
    FROM unnest(c_fields) WITH ORDINALITY AS f (name, n)
    CROSS JOIN LATERAL (SELECT substr(p_print, f.n::integer * 4 + 13, 4) AS asked, substr(v_print, f.n::integer * 4 + 13, 4) AS found) AS part
    WHERE part.asked <> part.found
      AND NOT (f.name = 'effectiveAt' AND part.asked = int4send(hashtext('')) AND (p_terms ->> 'effectiveAt')::timestamptz = p_at)
      -- It may have been written with zeros before it.
      AND NOT (f.name = 'priority' AND EXISTS (
        SELECT FROM generate_series(1, 17) AS zeros (n) WHERE part.asked = int4send(hashtext(repeat('0', zeros.n) || (p_terms ->> 'priority')))))
    ORDER BY f.n LIMIT 1
  );
END
$$;
