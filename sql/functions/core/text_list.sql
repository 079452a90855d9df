-- A JSON list of strings as an array, in its order; NULL for what is no list.
CREATE OR REPLACE FUNCTION core.text_list(p_list jsonb) RETURNS text[]
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF jsonb_typeof(p_list) = 'array' THEN
    RETURN ARRAY(SELECT e.element FROM jsonb_array_elements_text(p_list) WITH ORDINALITY AS e (element, n) ORDER BY e.n);
  END IF;
  RETURN NULL;
END
$$;
