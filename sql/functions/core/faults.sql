-- What is wrong with an input as far as its shape shows: unknown fields, missing ones, values of another kind.
--
--   p_input   the object; null stands for an absent field wherever one may be absent
--   p_path    put before the names of its fields: '' or 'wallets[0].'
--   p_fields  name -> kind, with ! where it is needed. The kinds:
--               id       1–63 plain characters, as the catalogue's ids
--               key      1–128 characters of any script, no control characters: ids that users choose
--               text     1–255 characters, no control characters
--               amount   plain notation in a string (or an exact JSON number), 29 digits before and 9 after the point
--               rate     the same with 20 and 18
--               count    whole, 0 – 999 999 999 999 999 999, as number or string
--               boolean, list; object, any (at most 8 192 characters)
--               labels   an object of at most 8 texts
--               instant  ISO 8601 with an offset
--               A|B|C    one of these words
--
-- Decimals are looked at as they are written, before any cast: Postgres would round them silently, and take
-- exponents, NaN and underscores for numbers.
CREATE OR REPLACE FUNCTION core.faults(p_input jsonb, p_path text, p_fields jsonb) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF jsonb_typeof(p_input) IS DISTINCT FROM 'object' THEN
    RETURN core.fault(rtrim(p_path, '.'), 'NOT_AN_OBJECT', 'must be an object');
  END IF;
  RETURN (
    WITH field AS (
      SELECT f.key AS name, rtrim(f.value, '!') AS kind, f.value LIKE '%!' AS is_needed,
             coalesce(jsonb_typeof(p_input -> f.key), 'null') AS type, p_input ->> f.key AS text
      FROM jsonb_each_text(p_fields) AS f
    ), told AS (
      SELECT name, kind, CASE
        WHEN type = 'null' THEN CASE WHEN is_needed THEN 'REQUIRED' END
        WHEN kind IN ('boolean', 'object', 'any') THEN CASE
          WHEN type <> kind AND kind <> 'any' THEN 'WRONG_TYPE'
          WHEN length(text) > 8192 THEN 'TOO_LONG' END
        WHEN kind = 'labels' THEN CASE
          WHEN type <> 'object' OR (p_input -> name) @? '$.* ? (@.type() != "string")' THEN 'WRONG_TYPE'
          WHEN (SELECT count(*) FROM jsonb_object_keys(p_input -> name)) > 8 THEN 'TOO_MANY'
          WHEN (p_input -> name) @? '$.* ? (@ == "")' THEN 'EMPTY'
          WHEN EXISTS (SELECT FROM jsonb_each_text(p_input -> name) AS label WHERE length(label.value) > 255) THEN 'TOO_LONG'
          WHEN EXISTS (SELECT FROM jsonb_each_text(p_input -> name) AS label WHERE label.value ~ '[\u0001-\u001f\u007f-\u009f]')
            THEN 'CONTROL_CHARACTER' END
        WHEN kind = 'list' THEN CASE WHEN type <> 'array' THEN 'WRONG_TYPE' END
        WHEN kind IN ('amount', 'rate', 'count') THEN CASE
          WHEN type NOT IN ('string', 'number') THEN 'WRONG_TYPE'
          WHEN text ~ '^-[0-9.]+$' THEN 'NEGATIVE'
          WHEN text !~ '^[0-9]+([.][0-9]+)?$' THEN 'NOT_A_NUMBER'
          WHEN kind = 'amount' THEN CASE
            WHEN text !~ '^[0-9]{1,29}([.]|$)' THEN 'TOO_LARGE'
            WHEN text !~ '^[0-9]+([.][0-9]{1,9})?$' THEN 'TOO_MANY_DECIMALS' END
          WHEN kind = 'rate' THEN CASE
            WHEN text !~ '^[0-9]{1,20}([.]|$)' THEN 'TOO_LARGE'
            WHEN text !~ '^[0-9]+([.][0-9]{1,18})?$' THEN 'TOO_MANY_DECIMALS' END
          WHEN text !~ '^[0-9]+$' THEN 'TOO_MANY_DECIMALS'
          WHEN length(text) > 18 THEN 'TOO_LARGE' END
        WHEN type <> 'string' THEN 'WRONG_TYPE'
        WHEN kind = 'instant' THEN CASE
          WHEN text !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)$'
            OR NOT pg_input_is_valid(text, 'timestamptz') THEN 'NOT_AN_INSTANT' END
        WHEN kind LIKE '%|%' THEN CASE WHEN text <> ALL (string_to_array(kind, '|')) THEN 'UNKNOWN_VALUE' END
        WHEN text = '' THEN 'EMPTY'
        WHEN length(text) > CASE kind WHEN 'id' THEN 63 WHEN 'key' THEN 128 ELSE 255 END THEN 'TOO_LONG'
        WHEN text ~ '[\u0001-\u001f\u007f-\u009f]' THEN 'CONTROL_CHARACTER'
        WHEN kind = 'id' AND text COLLATE "C" !~ '^[A-Za-z0-9][A-Za-z0-9._-]*$' THEN 'NOT_PLAIN'
        END AS code
      FROM field
      UNION ALL
      SELECT given.key, NULL, 'UNKNOWN_FIELD' FROM jsonb_object_keys(p_input) AS given (key) WHERE NOT p_fields ? given.key
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('field', p_path || name, 'code', code, 'message', CASE code
      WHEN 'REQUIRED' THEN 'is needed'
      WHEN 'UNKNOWN_FIELD' THEN 'is no field of this input'
      WHEN 'NEGATIVE' THEN 'must not be negative'
      WHEN 'NOT_A_NUMBER' THEN 'must be digits with at most one point: no exponent, sign, NaN or Infinity'
      WHEN 'TOO_LARGE' THEN CASE kind WHEN 'count' THEN 'has more than 18 digits' WHEN 'rate' THEN 'has more than 20 digits before the point'
        ELSE 'has more than 29 digits before the point' END
      WHEN 'TOO_MANY_DECIMALS' THEN CASE kind WHEN 'count' THEN 'must be whole' WHEN 'rate' THEN 'has more than 18 digits after the point'
        ELSE 'has more than 9 digits after the point' END
      WHEN 'NOT_AN_INSTANT' THEN 'must be an ISO 8601 time with an offset'
      WHEN 'UNKNOWN_VALUE' THEN 'must be one of ' || replace(kind, '|', ', ')
      WHEN 'EMPTY' THEN 'must not be empty'
      WHEN 'TOO_LONG' THEN CASE kind WHEN 'id' THEN 'has more than 63 characters' WHEN 'key' THEN 'has more than 128 characters'
        WHEN 'text' THEN 'has more than 255 characters' WHEN 'labels' THEN 'has a text of more than 255 characters' ELSE 'has more than 8192 characters as JSON' END
      WHEN 'TOO_MANY' THEN 'has more than 8 texts'
      WHEN 'CONTROL_CHARACTER' THEN 'must not have control characters'
      WHEN 'NOT_PLAIN' THEN 'must be letters, digits, dots, dashes and underscores, beginning with a letter or a digit'
      ELSE CASE kind WHEN 'boolean' THEN 'must be true or false' WHEN 'object' THEN 'must be an object' WHEN 'labels' THEN 'must be an object of strings' WHEN 'list' THEN 'must be a list'
        WHEN 'amount' THEN 'must be a number in a string' WHEN 'rate' THEN 'must be a number in a string'
        WHEN 'count' THEN 'must be a whole number' ELSE 'must be a string' END
      END) ORDER BY name), '[]')
    FROM told
    WHERE code IS NOT NULL
  );
END
$$;
