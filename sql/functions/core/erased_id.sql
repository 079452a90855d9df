-- What stands in the place of an id that was erased: its number, and a dash more wherever somebody has chosen that very id.
CREATE OR REPLACE FUNCTION core.erased_id(p_no integer, p_taken text[]) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_id text := 'erased:' || p_no;
BEGIN
  WHILE v_id = ANY (p_taken) LOOP
    v_id := v_id || '-';
  END LOOP;
  RETURN v_id;
END
$$;
