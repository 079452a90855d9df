-- Sets rates of a feature: what one of its quantities costs, from an instant on. A rate is superseded by a later one
-- for the same credit type, quantity and dimensions, and never edited; one that changes nothing is not
-- written.
--
--   p_input  featureId!, rates! [{creditType!, quantity (default "quantity"), amount! (credits, at most 18 decimals) per
--            perUnits (default 1), dimensions {name: value} (what a request must carry; none matches all),
--            effectiveFrom (default now)}], at most 1000
--
-- Of the rates that match a request the most specific counts: dimensions weigh in the order the feature has them in.
-- So two different rates are equally specific only if they name the same dimensions with other values, which no
-- request meets both; the one tie there can be is the same rate twice, and that is refused.
--
-- Returns {"rates": […]}, each as api.read_rates has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.set_rates(p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := core.faults(p_input, '', '{"featureId": "id!", "rates": "list!"}')
    || core.element_faults(p_input -> 'rates', 'rates', '{"creditType": "id!", "quantity": "id", "amount": "rate!", "perUnits": "count",
       "dimensions": "labels", "effectiveFrom": "instant"}', 1000, NULL);
  v_version bigint := core.lock_catalog();
  v_at timestamptz := core.clock();
  v_feature core.feature;
  v_rates core.rate[];
  v_new jsonb;
  -- What those supersede.
  v_old jsonb;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  SELECT * INTO v_feature FROM core.feature WHERE feature_id = p_input ->> 'featureId' ORDER BY catalog_version DESC LIMIT 1;
  IF NOT FOUND THEN
    PERFORM core.refuse_faults(core.fault('featureId', 'NOT_FOUND', format('there is no feature %s', p_input ->> 'featureId')));
  END IF;
  SELECT array_agg((v_feature.feature_id, r.rate ->> 'creditType', coalesce(r.rate ->> 'quantity', 'quantity'),
                    coalesce(nullif(r.rate -> 'dimensions', 'null'), '{}'), coalesce(d.specificity, 0), coalesce((r.rate ->> 'effectiveFrom')::timestamptz, v_at),
                    v_version, (r.rate ->> 'amount')::numeric, coalesce((r.rate ->> 'perUnits')::bigint, 1))::core.rate ORDER BY r.n)
  INTO v_rates
  FROM jsonb_array_elements(p_input -> 'rates') WITH ORDINALITY AS r (rate, n)
  CROSS JOIN LATERAL (
    -- A place keeps its weight when dimensions are added behind it: there are eight.
    SELECT sum(1 << (8 - array_position(v_feature.dimensions, name)))::integer AS specificity
    FROM jsonb_object_keys(CASE WHEN jsonb_typeof(r.rate -> 'dimensions') = 'object' THEN r.rate -> 'dimensions' ELSE '{}' END) AS name
  ) AS d;
  PERFORM core.refuse_faults(core.rate_faults(v_feature, v_rates));

  WITH added AS (
    INSERT INTO core.rate
    SELECT n.*
    FROM unnest(v_rates) AS n
    LEFT JOIN LATERAL (
      SELECT amount, per_units FROM core.rate AS o
      WHERE o.feature_id = n.feature_id AND o.credit_type = n.credit_type AND o.quantity = n.quantity AND o.dimensions = n.dimensions
        AND o.effective_from <= n.effective_from
      ORDER BY o.effective_from DESC, o.catalog_version DESC LIMIT 1
    ) AS old ON true
    WHERE (old.amount, old.per_units) IS DISTINCT FROM (n.amount, n.per_units)
    RETURNING *
  )
  SELECT jsonb_agg(to_jsonb(added)) INTO v_new FROM added;
  IF v_new IS NOT NULL THEN
    SELECT jsonb_agg(to_jsonb(o)) INTO v_old
    FROM jsonb_populate_recordset(NULL::core.rate, v_new) AS n
    CROSS JOIN LATERAL (
      SELECT * FROM core.rate AS o
      WHERE o.feature_id = n.feature_id AND o.credit_type = n.credit_type AND o.quantity = n.quantity AND o.dimensions = n.dimensions
        AND o.effective_from <= n.effective_from AND o.catalog_version < n.catalog_version
      ORDER BY o.effective_from DESC, o.catalog_version DESC LIMIT 1
    ) AS o;
    PERFORM core.record_catalog_change(v_version, 'RATES', v_feature.feature_id, v_old, v_new, p_actor);
  END IF;
  RETURN jsonb_build_object('rates', (
    SELECT jsonb_agg(jsonb_build_object(
      'featureId', r.feature_id, 'creditType', r.credit_type, 'quantity', r.quantity, 'dimensions', r.dimensions,
      'effectiveFrom', r.effective_from, 'amount', trim_scale(r.amount)::text, 'perUnits', r.per_units::text) ORDER BY r.n)
    FROM unnest(v_rates) WITH ORDINALITY AS r (feature_id, credit_type, quantity, dimensions, specificity, effective_from, catalog_version, amount, per_units, n)));
END
$$;
