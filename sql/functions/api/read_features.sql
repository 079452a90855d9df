-- A page of features by id, as the newest catalogue has them.
--
--   p_filter  featureId, isArchived; each may be absent
--   p_after   key of the row before the page: [incarnation, feature id]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_features(p_filter jsonb, p_after jsonb, p_limit integer) RETURNS SETOF jsonb
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
    'featureId', f.feature_id, 'name', f.name, 'type', f.feature_type, 'quantities', to_jsonb(f.quantities),
    'step', trim_scale(f.step)::text, 'dimensions', to_jsonb(f.dimensions), 'creditTypes', to_jsonb(f.credit_types),
    'requestLimits', f.request_limits, 'isArchived', f.archived, 'catalogVersion', f.catalog_version::text,
    'createdAt', f.created_at, 'key', jsonb_build_array(v_incarnation, f.feature_id))
  FROM (
    SELECT DISTINCT ON (feature.feature_id) * FROM core.feature
    WHERE (v_after IS NULL OR feature.feature_id > v_after)
      AND (p_filter ->> 'featureId' IS NULL OR feature.feature_id = p_filter ->> 'featureId')
    ORDER BY feature.feature_id, feature.catalog_version DESC
  ) AS f
  WHERE p_filter ->> 'isArchived' IS NULL OR f.archived = (p_filter ->> 'isArchived')::boolean
  ORDER BY f.feature_id
  LIMIT p_limit;
END
$$;
