-- What an input says a budget counts, and whom: put into p_budget where the input says it. null says that there is none, and nothing
-- of what a budget always has. An entity that is not found leaves entity_no NULL.
CREATE OR REPLACE FUNCTION core.budget_shape(p_customer_id text, p_input jsonb, p_budget core.budget) RETURNS core.budget
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_budget core.budget := p_budget;
  v_is_new boolean := p_budget.budget_no IS NULL;
BEGIN
  IF v_is_new OR p_input ? 'entityId' THEN
    v_budget.entity_no := CASE WHEN p_input ->> 'entityId' IS NULL THEN 0 ELSE (
      SELECT entity_no FROM core.entity WHERE customer_id = p_customer_id AND entity_id = p_input ->> 'entityId') END;
  END IF;
  IF v_is_new OR p_input ? 'each' THEN
    v_budget.each_type := nullif(p_input ->> 'each', 'SESSION');
    v_budget.subject_kind := CASE WHEN v_budget.each_type IS NOT NULL THEN 'EACH' ELSE coalesce(p_input ->> 'each', 'ENTITY') END;
  END IF;
  IF v_is_new OR p_input ? 'dimensions' THEN
    v_budget.dimensions := coalesce(nullif(p_input -> 'dimensions', 'null'), '{}');
  END IF;
  IF p_input ? 'creditType' THEN
    v_budget.credit_type := p_input ->> 'creditType';
  END IF;
  IF p_input ? 'featureId' THEN
    v_budget.feature_id := p_input ->> 'featureId';
  END IF;
  IF p_input ? 'quantity' THEN
    v_budget.quantity := p_input ->> 'quantity';
  END IF;
  IF p_input ? 'anchorAt' THEN
    v_budget.anchor_at := (p_input ->> 'anchorAt')::timestamptz;
  END IF;
  v_budget.measure := coalesce(p_input ->> 'measure', v_budget.measure);
  v_budget.budget_window := coalesce(p_input ->> 'window', v_budget.budget_window);
  v_budget.time_zone := coalesce(p_input ->> 'timeZone', v_budget.time_zone, 'UTC');
  RETURN v_budget;
END
$$;
