-- One fault of an input, as a list of one: faults are gathered with || and told all at once.
CREATE OR REPLACE FUNCTION core.fault(p_field text, p_code text, p_message text) RETURNS jsonb
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN jsonb_build_array(jsonb_build_object('field', p_field, 'code', p_code, 'message', p_message));
END
$$;
