-- Four bytes for each field of a grant, the operation first: what a key may not be used again for. Amounts and instants
-- count by their value, however they are written. api.grant_credits names the fields in this order; the last one stands there only
-- where it was said.
CREATE OR REPLACE FUNCTION core.grant_fingerprint(p_input jsonb) RETURNS bytea
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT string_agg(int4send(hashtext(coalesce(field.value, ''))), '' ORDER BY field.n)
    FROM unnest(ARRAY[
      'grantCredits', p_input ->> 'walletId', p_input ->> 'entityId', p_input ->> 'creditType',
      trim_scale((p_input ->> 'amount')::numeric)::text, coalesce(p_input ->> 'kind', 'PAID'), coalesce(p_input ->> 'priority', '50'),
      extract(epoch FROM (p_input ->> 'effectiveAt')::timestamptz)::text, extract(epoch FROM (p_input ->> 'expiresAt')::timestamptz)::text,
      p_input ->> 'features', trim_scale((p_input ->> 'costBasis')::numeric)::text, p_input ->> 'currency', p_input ->> 'source'
    ] || CASE WHEN (p_input ->> 'pendingPayment')::boolean THEN ARRAY['pendingPayment'] END) WITH ORDINALITY AS field (value, n)
  );
END
$$;
