-- Where a page begins: the key of the row before it, without the incarnation that every cursor begins with.
-- After a restore numbers may repeat, so a cursor of another incarnation would skip or show twice.
--
--   p_after  ["<incarnation>", …], or NULL for the first page
--   p_types  of each value of the rest: integer, smallint or bigint, which are numbers in JSON; jsonb, an object; or any other type, which
--            is a text that has to be one
--
-- Returns NULL for the first page. Raises UC101 for a cursor of another list or of another incarnation. Types come first: what is
-- returned may be cast as they say.
CREATE OR REPLACE FUNCTION core.page_key(p_after jsonb, VARIADIC p_types text[]) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_code text;
BEGIN
  IF p_after IS NULL THEN
    RETURN NULL;
  END IF;
  IF jsonb_typeof(p_after) <> 'array' OR jsonb_array_length(p_after) <> cardinality(p_types) + 1
     OR EXISTS (SELECT FROM unnest(ARRAY['integer'] || p_types) WITH ORDINALITY AS t (type, place)
                WHERE jsonb_typeof(p_after -> (place::integer - 1)) <> CASE WHEN type IN ('integer', 'smallint', 'bigint') THEN 'number' WHEN type = 'jsonb' THEN 'object' ELSE 'string' END
                  OR NOT pg_input_is_valid(p_after ->> (place::integer - 1), type)) THEN
    v_code := 'CURSOR_INVALID';
  ELSIF p_after ->> 0 <> (SELECT incarnation FROM core.installation)::text THEN
    v_code := 'CURSOR_STALE';
  ELSE
    RETURN p_after - 0;
  END IF;
  RAISE EXCEPTION 'after: this cursor is not one of this list, or is older than the last recovery'
    USING ERRCODE = 'UC101', DETAIL = jsonb_build_object('errors', jsonb_build_array(
      jsonb_build_object('field', 'after', 'code', v_code, 'message', 'begin again without a cursor')))::text;
END
$$;
