-- What of a customer and its gate decides requests, for the history of changes. It names entities by number: their ids can be erased.
CREATE OR REPLACE FUNCTION core.policy_json(p_gate core.gate, p_customer core.customer) RETURNS jsonb
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN jsonb_build_object('observe', p_gate.observe, 'unknownEntity', p_gate.unknown_entity, 'unknownType', p_gate.unknown_type,
                            'unknownParentNo', p_gate.unknown_parent_no, 'unknownMax', p_gate.unknown_max,
                            'reversalOfExpired', p_customer.reversal_of_expired);
END
$$;
