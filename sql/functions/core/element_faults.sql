-- The same for a list: what is wrong with its elements, each of which is an object of these fields. An absent
-- list has none.
--
--   p_list  the list, of which core.faults has seen that it is one
--   p_name  its field, by which elements are named: 'wallets' gives wallets[0].creditType
--   p_most  how many there may be
--   p_key   the field in which no two may agree, or NULL
CREATE OR REPLACE FUNCTION core.element_faults(p_list jsonb, p_name text, p_fields jsonb, p_most integer, p_key text) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF jsonb_typeof(p_list) IS DISTINCT FROM 'array' THEN
    RETURN '[]';
  ELSIF jsonb_array_length(p_list) > p_most THEN
    RETURN core.fault(p_name, 'TOO_MANY', format('has more than %s', p_most));
  END IF;
  RETURN coalesce((
    SELECT jsonb_agg(f.fault ORDER BY e.n, f.n)
    FROM jsonb_array_elements(p_list) WITH ORDINALITY AS e (element, n)
    CROSS JOIN LATERAL jsonb_array_elements(
      core.faults(e.element, format('%s[%s].', p_name, e.n - 1), p_fields)) WITH ORDINALITY AS f (fault, n)
  ), '[]') || coalesce((
    SELECT jsonb_agg(core.fault(format('%s[%s].%s', p_name, n - 1, p_key), 'DUPLICATE', 'stands here twice') -> 0 ORDER BY n)
    FROM (
      SELECT e.n, row_number() OVER (PARTITION BY e.element -> p_key ORDER BY e.n) AS nth
      FROM jsonb_array_elements(p_list) WITH ORDINALITY AS e (element, n)
      WHERE jsonb_typeof(e.element -> p_key) = 'string'
    ) AS counted
    WHERE nth > 1
  ), '[]');
END
$$;
