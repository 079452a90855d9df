-- Which of a request's amounts is above what its feature lets one request ask, the first by name; null where none is.
--
--   p_limits   quantity name -> limit; null is none
--   p_names    the names of the amounts, as core.judge joins them
--   p_amounts  amounts of many items; those of this one begin after p_at
CREATE OR REPLACE FUNCTION core.exceeded_request_limit(p_limits jsonb, p_names text, p_amounts numeric[], p_at integer) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT min(n.name COLLATE "C")
    FROM unnest(string_to_array(p_names, ',')) WITH ORDINALITY AS n (name, nth)
    WHERE p_amounts[(p_at + n.nth)::integer] > (p_limits ->> n.name)::numeric);
END
$$;
