-- Makes a kind of credit, or changes how it is named and shown. Its decimals never change: every stored amount is
-- a multiple of its smallest unit.
--
--   p_input  creditType!, name (default: the id), decimals (0–9, default 6), displayDecimals (default 2, at most
--            decimals); absent leaves as it is
--
-- Returns the credit type as api.read_credit_types has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.upsert_credit_type(p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := core.faults(p_input, '', '{"creditType": "id!", "name": "text", "decimals": "count", "displayDecimals": "count"}');
  v_version bigint := core.lock_catalog();
  v_id text := p_input ->> 'creditType';
  v_old core.credit_type;
  v_new core.credit_type;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  SELECT * INTO v_old FROM core.credit_type WHERE credit_type = v_id;
  IF coalesce((p_input ->> 'decimals')::bigint, 0) > 9 THEN
    v_faults := v_faults || core.fault('decimals', 'TOO_LARGE', 'must be 0 to 9');
  ELSIF (p_input ->> 'decimals')::bigint <> v_old.decimals THEN
    v_faults := v_faults || core.fault('decimals', 'IMMUTABLE', format('are %s and never change', v_old.decimals));
  ELSIF (p_input ->> 'displayDecimals')::bigint > coalesce((p_input ->> 'decimals')::smallint, v_old.decimals, 6) THEN
    v_faults := v_faults || core.fault('displayDecimals', 'TOO_LARGE', 'must not be more than decimals');
  END IF;
  PERFORM core.refuse_faults(v_faults);

  v_new.credit_type := v_id;
  v_new.name := coalesce(p_input ->> 'name', v_old.name, v_id);
  v_new.decimals := coalesce(v_old.decimals, (p_input ->> 'decimals')::smallint, 6);
  v_new.display_decimals := coalesce((p_input ->> 'displayDecimals')::smallint, v_old.display_decimals, least(2, v_new.decimals));
  v_new.created_at := coalesce(v_old.created_at, core.clock());
  IF v_new IS DISTINCT FROM v_old THEN
    INSERT INTO core.credit_type SELECT v_new.*
    ON CONFLICT (credit_type) DO UPDATE SET name = excluded.name, display_decimals = excluded.display_decimals;
    PERFORM core.record_catalog_change(v_version, 'CREDIT_TYPE', v_id, CASE WHEN v_old.credit_type IS NOT NULL THEN to_jsonb(v_old) END,
                                       to_jsonb(v_new), p_actor);
  END IF;
  RETURN (SELECT row - 'key' FROM api.read_credit_types(jsonb_build_object('creditType', v_id), NULL, 1) AS row);
END
$$;
