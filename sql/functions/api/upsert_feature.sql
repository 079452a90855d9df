-- Makes a feature, or a new version of it. What rates stand on stays: a quantity or dimension that some rate
-- names cannot go, and such a dimension keeps its place, since the order decides which rate is more specific.
--
--   p_input  featureId!, name, featureType (BOOLEAN, CONFIG, METERED), quantities (1–16 names, default
--            ["quantity"]), step (CAP takes a multiple of it, default 1), dimensions (at most 8 names, the most
--            specific first), creditTypes (1–16, best first; needed for a new one), requestLimits {quantity: amount},
--            archived; absent leaves as it is
--
-- Returns the feature as api.read_features has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.upsert_feature(p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := core.faults(p_input, '', '{"featureId": "id!", "name": "text", "featureType": "BOOLEAN|CONFIG|METERED", "quantities": "list",
    "step": "amount", "dimensions": "list", "creditTypes": "list", "requestLimits": "object", "archived": "boolean"}')
    || core.name_list_faults(p_input -> 'quantities', 'quantities', 1, 16)
    || core.name_list_faults(p_input -> 'dimensions', 'dimensions', 0, 8)
    || core.name_list_faults(p_input -> 'creditTypes', 'creditTypes', 1, 16)
    || CASE WHEN jsonb_typeof(p_input -> 'requestLimits') = 'object' THEN core.faults(p_input -> 'requestLimits', 'requestLimits.', (
      SELECT coalesce(jsonb_object_agg(name, 'amount!'), '{}') FROM jsonb_object_keys(p_input -> 'requestLimits') AS name)) ELSE '[]' END;
  v_version bigint := core.lock_catalog();
  v_id text := p_input ->> 'featureId';
  v_old core.feature;
  v_new core.feature;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  SELECT * INTO v_old FROM core.feature WHERE feature_id = v_id ORDER BY catalog_version DESC LIMIT 1;
  v_new.feature_id := v_id;
  v_new.catalog_version := v_version;
  v_new.name := coalesce(p_input ->> 'name', v_old.name, v_id);
  v_new.feature_type := coalesce(p_input ->> 'featureType', v_old.feature_type, 'METERED');
  v_new.quantities := coalesce(core.text_list(p_input -> 'quantities'), v_old.quantities, '{quantity}');
  v_new.step := coalesce((p_input ->> 'step')::numeric, v_old.step, 1);
  v_new.dimensions := coalesce(core.text_list(p_input -> 'dimensions'), v_old.dimensions, '{}');
  v_new.credit_types := coalesce(core.text_list(p_input -> 'creditTypes'), v_old.credit_types, '{}');
  v_new.request_limits := coalesce(CASE WHEN jsonb_typeof(p_input -> 'requestLimits') = 'object' THEN (
      SELECT coalesce(jsonb_object_agg(l.key, trim_scale(l.value::numeric)::text), '{}')
      FROM jsonb_each_text(p_input -> 'requestLimits') AS l) END,
    v_old.request_limits, '{}');
  v_new.archived := coalesce((p_input ->> 'archived')::boolean, v_old.archived, false);
  v_new.created_at := core.clock();

  PERFORM core.refuse_faults(core.feature_faults(v_old, v_new));
  IF v_old.feature_id IS NULL OR to_jsonb(v_new) - '{catalog_version,created_at}'::text[] <> to_jsonb(v_old) - '{catalog_version,created_at}'::text[] THEN
    INSERT INTO core.feature SELECT v_new.*;
    PERFORM core.record_catalog_change(v_version, 'FEATURE', v_id, CASE WHEN v_old.feature_id IS NOT NULL THEN to_jsonb(v_old) END,
                                       to_jsonb(v_new), p_actor);
  END IF;
  RETURN (SELECT row - 'key' FROM api.read_features(jsonb_build_object('featureId', v_id), NULL, 1) AS row);
END
$$;
