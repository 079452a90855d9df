-- Four bytes for each field of a reversal; api.reverse_consumption names the fields in this order. A share counts by its value; one that is not said is all that
-- was left then, which no value is.
CREATE OR REPLACE FUNCTION core.reversal_fingerprint(p_input jsonb) RETURNS bytea
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT string_agg(int4send(hashtext(field.value)), '' ORDER BY field.n)
    FROM unnest(ARRAY[
      'reverseConsumption', p_input ->> 'usageEventId', coalesce(trim_scale((p_input ->> 'share')::numeric)::text, 'the rest'), p_input ->> 'reason'
    ]) WITH ORDINALITY AS field (value, n)
  );
END
$$;
