-- Suspends a customer or an entity, or lets it go on. Suspension refuses new decisions on whatever stands on its path,
-- and nothing that has begun already.
--
--   p_entity_id  NULL is the customer itself
--
-- Returns {customerId, entityId, isSuspended}. Raises UC101.
CREATE OR REPLACE FUNCTION api.set_suspension(p_customer_id text, p_entity_id text, p_suspended boolean, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate;
  v_no integer := 0;
  v_was boolean;
BEGIN
  IF p_suspended IS NULL THEN
    PERFORM core.refuse_faults(core.fault('suspended', 'REQUIRED', 'is needed'));
  END IF;
  v_gate := core.begin_change(p_customer_id);
  IF p_entity_id IS NOT NULL THEN
    SELECT entity_no INTO v_no FROM core.entity WHERE customer_id = p_customer_id AND entity_id = p_entity_id;
    IF NOT FOUND THEN
      PERFORM core.refuse_faults(core.fault('entityId', 'NOT_FOUND', format('there is no entity %s', p_entity_id)));
    END IF;
  END IF;
  v_was := CASE WHEN v_no = 0 THEN v_gate.is_suspended ELSE v_no = ANY (v_gate.suspended_entities) END;
  IF v_was <> p_suspended THEN
    IF v_no = 0 THEN
      v_gate.is_suspended := p_suspended;
    ELSIF p_suspended THEN
      v_gate.suspended_entities := v_gate.suspended_entities || v_no;
    ELSE
      v_gate.suspended_entities := array_remove(v_gate.suspended_entities, v_no);
    END IF;
    PERFORM core.end_change(v_gate, 'SUSPENSION', v_no::text, jsonb_build_object('suspended', v_was),
                            jsonb_build_object('suspended', p_suspended), p_actor);
  END IF;
  RETURN jsonb_build_object('customerId', p_customer_id, 'entityId', p_entity_id, 'isSuspended', p_suspended);
END
$$;
