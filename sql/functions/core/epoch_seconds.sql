-- When a window ends, as it is kept: whole seconds since 1970, rounded up as core.json_end does; null for infinity.
CREATE OR REPLACE FUNCTION core.epoch_seconds(p_at timestamptz) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
AS $$
BEGIN
  RETURN CASE WHEN p_at = 'infinity' THEN 'null' ELSE pg_catalog.ceil(pg_catalog.date_part('epoch', p_at))::bigint::text END;
END
$$;
