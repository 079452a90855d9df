-- A page of rates by feature, credit type, quantity, dimensions and date, superseded ones too.
--
--   p_filter  featureId, creditType, quantity, inForceAt (only the newest rate at that instant); each may be absent
--   p_after   key of the row before the page: [incarnation, feature, credit type, quantity, dimensions,
--             effective from, catalogue version]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_rates(p_filter jsonb, p_after jsonb, p_limit integer) RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_key jsonb := core.page_key(p_after, 'text', 'text', 'text', 'jsonb', 'timestamptz', 'bigint');
  v_at timestamptz := (p_filter ->> 'inForceAt')::timestamptz;
  v_incarnation integer := (SELECT incarnation FROM core.installation);
BEGIN
  RETURN QUERY
  SELECT jsonb_build_object(
    'featureId', r.feature_id, 'creditType', r.credit_type, 'quantity', r.quantity, 'dimensions', r.dimensions,
    'effectiveFrom', r.effective_from, 'catalogVersion', r.catalog_version::text, 'amount', trim_scale(r.amount)::text,
    'perUnits', r.per_units::text,
    'key', jsonb_build_array(v_incarnation, r.feature_id, r.credit_type, r.quantity, r.dimensions,
                             r.effective_from, r.catalog_version))
  FROM core.rate AS r
  WHERE (v_key IS NULL OR (r.feature_id, r.credit_type, r.quantity, r.dimensions, r.effective_from, r.catalog_version)
      > (v_key ->> 0, v_key ->> 1, v_key ->> 2, v_key -> 3, (v_key ->> 4)::timestamptz, (v_key ->> 5)::bigint))
    AND (p_filter ->> 'featureId' IS NULL OR r.feature_id = p_filter ->> 'featureId')
    AND (p_filter ->> 'creditType' IS NULL OR r.credit_type = p_filter ->> 'creditType')
    AND (p_filter ->> 'quantity' IS NULL OR r.quantity = p_filter ->> 'quantity')
    AND (v_at IS NULL OR (r.effective_from <= v_at AND NOT EXISTS (
      SELECT FROM core.rate AS newer
      WHERE (newer.feature_id, newer.credit_type, newer.quantity, newer.dimensions)
            = (r.feature_id, r.credit_type, r.quantity, r.dimensions)
        AND newer.effective_from <= v_at
        AND (newer.effective_from, newer.catalog_version) > (r.effective_from, r.catalog_version))))
  ORDER BY r.feature_id, r.credit_type, r.quantity, r.dimensions, r.effective_from, r.catalog_version
  LIMIT p_limit;
END
$$;
