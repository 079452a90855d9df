-- Four bytes for each field of a reversal; api.reverse_consumption names the fields in this order. A share counts by its value.
CREATE OR REPLACE FUNCTION core.reversal_fingerprint(p_input jsonb) RETURNS bytea
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT string_agg(int4send(hashtext(field.value)), '' ORDER BY field.n)
    FROM unnest(ARRAY[
      'reverseConsumption', p_input ->> 'usageEventId', trim_scale(coalesce(p_input ->> 'share', '1')::numeric)::text, p_input ->> 'reason'
    ]) WITH ORDINALITY AS field (value, n)
  );
END
$$;
