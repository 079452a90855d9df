-- An instant as whole seconds since 1970, as JSON; null for infinity.
CREATE OR REPLACE FUNCTION core.epoch_seconds(p_at timestamptz) RETURNS text
LANGUAGE sql
STABLE
PARALLEL SAFE
AS $$
  SELECT CASE WHEN p_at = 'infinity' THEN 'null' ELSE pg_catalog.floor(pg_catalog.date_part('epoch', p_at))::bigint::text END
$$;
