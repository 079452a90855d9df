-- What is wrong with a list of plain ids, each of which may stand in it once.
CREATE OR REPLACE FUNCTION core.name_list_faults(p_list jsonb, p_name text, p_least integer, p_most integer) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF jsonb_typeof(p_list) IS DISTINCT FROM 'array' THEN
    RETURN '[]';
  ELSIF jsonb_array_length(p_list) NOT BETWEEN p_least AND p_most THEN
    RETURN core.fault(p_name, CASE WHEN jsonb_array_length(p_list) > p_most THEN 'TOO_MANY' ELSE 'EMPTY' END,
                      format('must have %s to %s', p_least, p_most));
  END IF;
  RETURN coalesce((
    SELECT jsonb_agg(fault ORDER BY n)
    FROM (
      SELECT e.n, CASE
        WHEN jsonb_typeof(e.element) <> 'string' THEN core.fault(format('%s[%s]', p_name, e.n - 1), 'WRONG_TYPE', 'must be a string')
        WHEN e.element #>> '{}' COLLATE "C" !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' THEN core.fault(format('%s[%s]', p_name, e.n - 1),
          'NOT_PLAIN', 'must be letters, digits, dots, dashes and underscores, beginning with a letter or a digit')
        WHEN row_number() OVER (PARTITION BY e.element ORDER BY e.n) > 1
          THEN core.fault(format('%s[%s]', p_name, e.n - 1), 'DUPLICATE', 'stands here twice')
        END -> 0 AS fault
      FROM jsonb_array_elements(p_list) WITH ORDINALITY AS e (element, n)
    ) AS told
    WHERE fault IS NOT NULL
  ), '[]');
END
$$;
