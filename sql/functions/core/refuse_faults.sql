-- Raises UC101 with all faults of an input at once, DETAIL {"errors": [{field, code, message}]}; returns if there
-- are none. Whoever calls it has written nothing that the error does not undo.
CREATE OR REPLACE FUNCTION core.refuse_faults(p_faults jsonb) RETURNS void
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF p_faults <> '[]' THEN
    RAISE EXCEPTION '%', (SELECT string_agg(concat_ws(': ', nullif(fault ->> 'field', ''), fault ->> 'message'), '; ')
                          FROM jsonb_array_elements(p_faults) AS fault)
      USING ERRCODE = 'UC101', DETAIL = jsonb_build_object('errors', p_faults)::text;
  END IF;
END
$$;
