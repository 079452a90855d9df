-- What is wrong with the thresholds of a budget.
--
--   p_list  the list, of which core.faults has seen that it is one; absent or null has none
CREATE OR REPLACE FUNCTION core.threshold_faults(p_list jsonb) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb;
BEGIN
  IF jsonb_typeof(p_list) IS DISTINCT FROM 'array' THEN
    RETURN '[]';
  ELSIF jsonb_array_length(p_list) > 10 THEN
    RETURN core.fault('thresholds', 'TOO_MANY', 'has more than 10');
  END IF;
  SELECT coalesce(jsonb_agg(f.fault ORDER BY s.n), '[]') INTO v_faults
  FROM jsonb_array_elements(p_list) WITH ORDINALITY AS s (share, n)
  CROSS JOIN LATERAL (SELECT format('thresholds[%s]', s.n - 1) AS name) AS at
  CROSS JOIN LATERAL jsonb_array_elements(core.faults(jsonb_build_object(at.name, s.share), '', jsonb_build_object(at.name, 'amount!'))) AS f (fault);
  IF v_faults <> '[]' THEN
    RETURN v_faults;
  END IF;
  RETURN (
    SELECT coalesce(jsonb_agg(core.fault(s.name, s.code, s.message) -> 0 ORDER BY s.n), '[]')
    FROM (
      SELECT s.n, format('thresholds[%s]', s.n - 1) AS name, CASE
        WHEN s.share::numeric NOT BETWEEN 0.000000001 AND 10 THEN 'OUT_OF_RANGE'
        WHEN count(*) OVER (PARTITION BY s.share::numeric) > 1 THEN 'DUPLICATE' END AS code,
        'must be a share of the limit such as 0.8, more than 0 and at most 10, and stand there once' AS message
      FROM jsonb_array_elements_text(p_list) WITH ORDINALITY AS s (share, n)
    ) AS s
    WHERE s.code IS NOT NULL
  );
END
$$;
