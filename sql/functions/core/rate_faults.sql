-- What rates of a feature name that is not there, and which of them stand in one call twice.
CREATE OR REPLACE FUNCTION core.rate_faults(p_feature core.feature, p_rates core.rate[]) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN coalesce((
    SELECT jsonb_agg(fault ORDER BY n, fault ->> 'field')
    FROM (
      SELECT r.n, jsonb_array_elements(
        CASE WHEN r.quantity = ANY (p_feature.quantities) THEN '[]'
          ELSE core.fault(format('rates[%s].quantity', r.n - 1), 'UNDECLARED', format('is no quantity of %s', r.feature_id)) END
        || CASE WHEN r.credit_type = ANY (p_feature.credit_types) THEN '[]'
          ELSE core.fault(format('rates[%s].creditType', r.n - 1), 'UNDECLARED', format('is none that %s takes', r.feature_id)) END
        || CASE WHEN ARRAY(SELECT jsonb_object_keys(r.dimensions)) <@ p_feature.dimensions THEN '[]'
          ELSE core.fault(format('rates[%s].dimensions', r.n - 1), 'UNDECLARED',
                          format('name more than the feature has: %s', array_to_string(p_feature.dimensions, ', '))) END
        || CASE WHEN r.per_units > 0 THEN '[]' ELSE core.fault(format('rates[%s].perUnits', r.n - 1), 'NOT_POSITIVE', 'must be greater than zero') END
        || CASE WHEN row_number() OVER same > 1
          THEN core.fault(format('rates[%s]', r.n - 1), 'AMBIGUOUS', 'matches what another rate of this call matches, equally well') ELSE '[]' END
      ) AS fault
      FROM unnest(p_rates) WITH ORDINALITY
        AS r (feature_id, credit_type, quantity, dimensions, specificity, effective_from, catalog_version, amount, per_units, n)
      WINDOW same AS (PARTITION BY r.credit_type, r.quantity, r.dimensions, r.effective_from ORDER BY r.n)
    ) AS told
  ), '[]');
END
$$;
