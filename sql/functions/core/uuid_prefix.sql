-- The first six bytes of every UUIDv7 of the first millisecond of a day: milliseconds since 1970.
CREATE OR REPLACE FUNCTION core.uuid_prefix(p_day date) RETURNS bytea
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $$
  SELECT pg_catalog.substr(pg_catalog.int8send((p_day - date '1970-01-01') * 86400000::bigint), 3)
$$;
