-- The same of a transfer; api.transfer_credits names the fields in this order.
CREATE OR REPLACE FUNCTION core.transfer_fingerprint(p_input jsonb) RETURNS bytea
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT string_agg(int4send(hashtext(coalesce(field.value, ''))), '' ORDER BY field.n)
    FROM unnest(ARRAY[
      'transferCredits', p_input #>> '{from,walletId}', p_input #>> '{from,entityId}', p_input #>> '{from,creditType}',
      p_input #>> '{to,walletId}', p_input #>> '{to,entityId}', p_input #>> '{to,creditType}', trim_scale((p_input ->> 'amount')::numeric)::text
    ]) WITH ORDINALITY AS field (value, n)
  );
END
$$;
