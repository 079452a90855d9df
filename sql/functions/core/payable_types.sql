-- The credit types that may pay a request, as core.judge finds them: those of the feature that have a rate for every quantity asked.
--
--   p_quantities  names of the quantities of which more than nothing is asked
--   p_at          the instant whose rates count
CREATE OR REPLACE FUNCTION core.payable_types(p_feature_id text, p_quantities text[], p_dimensions jsonb, p_at timestamptz) RETURNS text[]
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_catalog bigint := (SELECT catalog_version FROM core.installation);
BEGIN
  RETURN ARRAY(
    SELECT t.credit_type
    FROM (SELECT f.credit_types FROM core.feature AS f WHERE f.feature_id = p_feature_id AND f.catalog_version <= v_catalog
          ORDER BY f.catalog_version DESC LIMIT 1) AS f
    CROSS JOIN LATERAL unnest(f.credit_types) AS t (credit_type)
    WHERE NOT EXISTS (
      SELECT FROM unnest(p_quantities) AS n (name)
      WHERE NOT EXISTS (
        SELECT FROM core.rate AS x
        WHERE x.feature_id = p_feature_id AND x.credit_type = t.credit_type AND x.quantity = n.name
          AND x.effective_from <= p_at AND x.catalog_version <= v_catalog AND p_dimensions @> x.dimensions)));
END
$$;
