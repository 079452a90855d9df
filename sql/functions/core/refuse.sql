-- Raises UC100 for one field of one item (counted from 0): what a caller's machine reads stands in DETAIL.
CREATE OR REPLACE FUNCTION core.refuse(p_item integer, p_field text, p_code text, p_message text) RETURNS void
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'item %, %: %', p_item, p_field, p_message
    USING ERRCODE = 'UC100', DETAIL = jsonb_build_object('item', p_item, 'field', p_field, 'code', p_code, 'message', p_message)::text;
END
$$;
