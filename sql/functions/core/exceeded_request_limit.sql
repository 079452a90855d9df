-- Which of a request's amounts, the first, is above what its feature lets one request ask; null where none is.
--
--   p_limits   quantity name -> limit; null is none
--   p_names    the names of the amounts, as core.judge joins them
--   p_amounts  amounts of many items; those of this one begin after p_at
CREATE OR REPLACE FUNCTION core.exceeded_request_limit(p_limits jsonb, p_names text, p_amounts numeric[], p_at integer) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_names text[] := string_to_array(p_names, ',');
BEGIN
  FOR v_n IN 1 .. cardinality(v_names) LOOP
    IF p_amounts[p_at + v_n] > (p_limits ->> v_names[v_n])::numeric THEN
      RETURN v_names[v_n];
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;
