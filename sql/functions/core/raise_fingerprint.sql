-- Four bytes for each field of a raise; api.raise_budget names the fields in this order. Amount and instant count by their value.
CREATE OR REPLACE FUNCTION core.raise_fingerprint(p_input jsonb) RETURNS bytea
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT string_agg(int4send(hashtext(field.value)), '' ORDER BY field.n)
    FROM unnest(ARRAY[
      'raiseBudget', p_input ->> 'budgetId', trim_scale((p_input ->> 'amount')::numeric)::text,
      extract(epoch FROM (p_input ->> 'until')::timestamptz)::text, p_input ->> 'reason'
    ]) WITH ORDINALITY AS field (value, n)
  );
END
$$;
