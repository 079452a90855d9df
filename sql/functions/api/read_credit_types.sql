-- A page of credit types by id.
--
--   p_filter  creditType; may be absent
--   p_after   key of the row before the page: [incarnation, credit type]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_credit_types(p_filter jsonb, p_after jsonb, p_limit integer) RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_after text := core.page_key(p_after, 'text') ->> 0;
  v_incarnation integer := (SELECT incarnation FROM core.installation);
BEGIN
  RETURN QUERY
  SELECT jsonb_build_object(
    'creditType', t.credit_type, 'name', t.name, 'decimals', t.decimals, 'displayDecimals', t.display_decimals,
    'createdAt', t.created_at, 'key', jsonb_build_array(v_incarnation, t.credit_type))
  FROM core.credit_type AS t
  WHERE (v_after IS NULL OR t.credit_type > v_after)
    AND (p_filter ->> 'creditType' IS NULL OR t.credit_type = p_filter ->> 'creditType')
  ORDER BY t.credit_type
  LIMIT p_limit;
END
$$;
