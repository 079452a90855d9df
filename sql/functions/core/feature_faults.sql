-- What a new version of a feature would break: names that must exist, and what rates stand on.
CREATE OR REPLACE FUNCTION core.feature_faults(p_old core.feature, p_new core.feature) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := '[]';
  v_names text;
BEGIN
  IF p_new.step <= 0 THEN
    v_faults := v_faults || core.fault('step', 'NOT_POSITIVE', 'must be greater than zero');
  END IF;
  IF p_new.credit_types = '{}' THEN
    v_faults := v_faults || core.fault('creditTypes', 'REQUIRED', 'are needed: what may pay for it, best first');
  END IF;
  v_faults := v_faults || coalesce((
    SELECT jsonb_agg(core.fault(format('creditTypes[%s]', t.n - 1), 'NOT_FOUND', format('there is no credit type %s', t.id)) -> 0 ORDER BY t.n)
    FROM unnest(p_new.credit_types) WITH ORDINALITY AS t (id, n)
    WHERE NOT EXISTS (SELECT FROM core.credit_type WHERE credit_type = t.id)), '[]');
  SELECT string_agg(name, ', ' ORDER BY name) INTO v_names
  FROM jsonb_object_keys(p_new.request_limits) AS name WHERE name <> ALL (p_new.quantities);
  IF v_names IS NOT NULL THEN
    v_faults := v_faults || core.fault('requestLimits', 'UNDECLARED', format('name what is no quantity of the feature: %s', v_names));
  END IF;

  SELECT string_agg(DISTINCT quantity, ', ') INTO v_names
  FROM core.rate WHERE feature_id = p_new.feature_id AND quantity <> ALL (p_new.quantities);
  IF v_names IS NOT NULL THEN
    v_faults := v_faults || core.fault('quantities', 'IN_USE', format('must keep what has rates: %s', v_names));
  END IF;
  SELECT string_agg(DISTINCT name, ', ') INTO v_names
  FROM core.rate, jsonb_object_keys(dimensions) AS name
  WHERE feature_id = p_new.feature_id
    AND array_position(p_new.dimensions, name) IS DISTINCT FROM array_position(p_old.dimensions, name);
  IF v_names IS NOT NULL THEN
    v_faults := v_faults || core.fault('dimensions', 'IN_USE', format('must keep the place of what rates name: %s', v_names));
  END IF;
  RETURN v_faults;
END
$$;
