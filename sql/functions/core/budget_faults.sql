-- What is wrong with a budget: what must not change, what its measure needs and does not take, names that must exist.
CREATE OR REPLACE FUNCTION core.budget_faults(p_input jsonb, p_old core.budget, p_new core.budget) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := '[]';
  v_feature core.feature;
  v_undeclared text;
BEGIN
  IF p_new.budget_window = 'REQUEST' AND p_new.thresholds <> '{}' THEN
    v_faults := core.fault('thresholds', 'NOT_APPLICABLE', 'have no meaning for this window, over which nothing adds up');
  END IF;
  IF p_old.archived_at IS NOT NULL THEN
    RETURN core.fault('budgetId', 'ARCHIVED', 'was archived, for good: set another one');
  ELSIF p_old.budget_no IS NOT NULL THEN
    RETURN coalesce((
      SELECT jsonb_agg(core.fault(shape.field, 'IMMUTABLE', 'never changes once a budget is set: set another one, under another id') -> 0 ORDER BY shape.field)
      FROM (VALUES
        ('entityId', p_old.entity_no IS DISTINCT FROM p_new.entity_no),
        ('each', (p_old.subject_kind, p_old.each_type) IS DISTINCT FROM (p_new.subject_kind, p_new.each_type)),
        ('measure', p_old.measure <> p_new.measure), ('creditType', p_old.credit_type IS DISTINCT FROM p_new.credit_type),
        ('featureId', p_old.feature_id IS DISTINCT FROM p_new.feature_id), ('quantity', p_old.quantity IS DISTINCT FROM p_new.quantity),
        ('dimensions', p_old.dimensions <> p_new.dimensions), ('window', p_old.budget_window <> p_new.budget_window),
        ('anchorAt', p_old.anchor_at IS DISTINCT FROM p_new.anchor_at), ('timeZone', p_old.time_zone <> p_new.time_zone)
      ) AS shape (field, differs)
      WHERE shape.differs
    ), '[]') || v_faults || core.unit_faults(p_input ->> 'limit', p_old.credit_type, 'limit');
  END IF;
  SELECT v_faults || coalesce(jsonb_agg(core.fault(needed.field, 'REQUIRED', 'is needed') -> 0), '[]') INTO v_faults
  FROM (VALUES
    ('limit', p_new.amount_limit IS NULL), ('measure', p_new.measure IS NULL), ('window', p_new.budget_window IS NULL),
    ('creditType', p_new.measure = 'CREDITS' AND p_new.credit_type IS NULL),
    ('featureId', p_new.measure = 'QUANTITY' AND p_new.feature_id IS NULL),
    ('quantity', p_new.measure = 'QUANTITY' AND p_new.quantity IS NULL)
  ) AS needed (field, is_missing)
  WHERE needed.is_missing;
  SELECT v_faults || coalesce(jsonb_agg(core.fault(extra.field, 'NOT_APPLICABLE', extra.message) -> 0), '[]') INTO v_faults
  FROM (VALUES
    ('creditType', 'is for the measure CREDITS', p_new.measure = 'QUANTITY' AND p_new.credit_type IS NOT NULL),
    ('quantity', 'is for the measure QUANTITY', p_new.measure = 'CREDITS' AND p_new.quantity IS NOT NULL),
    ('anchorAt', 'has no meaning for this window', p_new.anchor_at IS NOT NULL AND p_new.budget_window IN ('REQUEST', 'BILLING_PERIOD', 'TOTAL'))
  ) AS extra (field, message, is_given)
  WHERE extra.is_given;
  IF p_new.entity_no IS NULL THEN
    v_faults := v_faults || core.fault('entityId', 'NOT_FOUND', format('there is no entity %s', p_input ->> 'entityId'));
  ELSIF EXISTS (SELECT FROM core.entity WHERE customer_id = p_new.customer_id AND entity_no = p_new.entity_no AND archived_at IS NOT NULL) THEN
    v_faults := v_faults || core.fault('entityId', 'ARCHIVED', 'is archived; bring it back first');
  END IF;
  IF p_new.each_type = 'customer' THEN
    v_faults := v_faults || core.fault('each', 'RESERVED', 'must be a type of entity, SESSION or null');
  END IF;
  IF p_new.credit_type IS NOT NULL AND NOT EXISTS (SELECT FROM core.credit_type WHERE credit_type = p_new.credit_type) THEN
    v_faults := v_faults || core.fault('creditType', 'NOT_FOUND', format('there is no credit type %s', p_new.credit_type));
  END IF;
  IF p_new.feature_id IS NOT NULL THEN
    SELECT * INTO v_feature FROM core.feature WHERE feature_id = p_new.feature_id ORDER BY catalog_version DESC LIMIT 1;
    SELECT string_agg(name, ', ' ORDER BY name) INTO v_undeclared
    FROM jsonb_object_keys(p_new.dimensions) AS name WHERE name <> ALL (v_feature.dimensions);
    v_faults := v_faults || CASE
      WHEN v_feature.feature_id IS NULL THEN core.fault('featureId', 'NOT_FOUND', format('there is no feature %s', p_new.feature_id))
      WHEN p_new.quantity <> ALL (v_feature.quantities) THEN core.fault('quantity', 'UNDECLARED',
        format('%s has no quantity %s, but %s', p_new.feature_id, p_new.quantity, coalesce(nullif(array_to_string(v_feature.quantities, ', '), ''), 'none')))
      WHEN v_undeclared IS NOT NULL THEN core.fault('dimensions', 'UNDECLARED',
        format('%s has no dimension %s, but %s', p_new.feature_id, v_undeclared, coalesce(nullif(array_to_string(v_feature.dimensions, ', '), ''), 'none')))
      ELSE '[]' END;
  END IF;
  IF p_new.feature_id IS NULL THEN
    SELECT string_agg(d.dimension, ', ' ORDER BY d.dimension) INTO v_undeclared
    FROM jsonb_object_keys(p_new.dimensions) AS d (dimension)
    WHERE NOT EXISTS (SELECT FROM core.feature AS f WHERE d.dimension = ANY (f.dimensions));
    IF v_undeclared IS NOT NULL THEN
      v_faults := v_faults || core.fault('dimensions', 'UNDECLARED', format('no feature has a dimension %s', v_undeclared));
    END IF;
  END IF;
  IF NOT core.is_time_zone(p_new.time_zone) THEN
    v_faults := v_faults || core.fault('timeZone', 'NOT_FOUND', 'must be a zone of the IANA database, such as Europe/Berlin');
  END IF;
  RETURN v_faults || core.unit_faults(p_input ->> 'limit', p_new.credit_type, 'limit');
END
$$;
