-- Makes a customer, or changes its name, its wallets and its policies.
--
--   p_input  name, metadata, observe (decide and record, enforce nothing), unknownEntity {policy! (DENY, CREATE), type
--            (needed for CREATE), parentId (null: the customer itself), max (default 10000)}, reversalOfExpired (what becomes of credits
--            whose grant has expired when their use is reversed: ADJUSTMENT, the default, or LAPSE), wallets [{walletId, creditType!,
--            overdraftLimit}] (those named; others stay); absent leaves as it is
--
-- Returns the customer as api.read_customers has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.upsert_customer(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_unknown jsonb := p_input -> 'unknownEntity';
  v_faults jsonb := core.faults(jsonb_build_object('customerId', p_customer_id), '', '{"customerId": "key!"}')
    || core.faults(p_input, '', '{"name": "text", "metadata": "object", "observe": "boolean", "unknownEntity": "object",
      "reversalOfExpired": "ADJUSTMENT|LAPSE", "wallets": "list"}')
    || CASE WHEN jsonb_typeof(v_unknown) = 'object'
      THEN core.faults(v_unknown, 'unknownEntity.', '{"policy": "DENY|CREATE!", "type": "key", "parentId": "key", "max": "count"}') ELSE '[]' END
    || core.element_faults(p_input -> 'wallets', 'wallets', '{"walletId": "text", "creditType": "id!", "overdraftLimit": "amount"}', 100, 'creditType');
  v_gate core.gate;
  v_old core.gate;
  v_customer core.customer;
  v_was core.customer;
  v_wallets jsonb;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  INSERT INTO core.gate (customer_id, last_at) VALUES (p_customer_id, core.clock()) ON CONFLICT DO NOTHING;
  v_gate := core.begin_change(p_customer_id);
  v_old := v_gate;
  SELECT * INTO v_was FROM core.customer WHERE customer_id = p_customer_id;
  v_customer := (p_customer_id, CASE WHEN p_input ? 'name' THEN p_input ->> 'name' ELSE v_was.name END,
                 coalesce(nullif(p_input -> 'metadata', 'null'), v_was.metadata, '{}'), coalesce(v_was.created_at, v_gate.last_at),
                 coalesce(p_input ->> 'reversalOfExpired', v_was.reversal_of_expired, 'ADJUSTMENT'));
  IF v_was.customer_id IS NULL THEN
    INSERT INTO core.customer SELECT v_customer.*;
    INSERT INTO core.entity (customer_id, entity_no, entity_type, path, path_types, created_at)
    VALUES (p_customer_id, 0, 'customer', '{0}', '{customer}', v_gate.last_at);
  ELSIF v_customer <> v_was THEN
    UPDATE core.customer SET name = v_customer.name, metadata = v_customer.metadata, reversal_of_expired = v_customer.reversal_of_expired
    WHERE customer_id = p_customer_id;
  END IF;

  v_gate.observe := coalesce((p_input ->> 'observe')::boolean, v_gate.observe);
  IF v_unknown ->> 'policy' IS NOT NULL THEN
    v_gate.unknown_entity := v_unknown ->> 'policy';
    v_gate.unknown_type := v_unknown ->> 'type';
    v_gate.unknown_parent_no := CASE WHEN v_unknown ->> 'parentId' IS NULL THEN 0 ELSE (
      SELECT entity_no FROM core.entity WHERE customer_id = p_customer_id AND entity_id = v_unknown ->> 'parentId') END;
    v_gate.unknown_max := least(coalesce((v_unknown ->> 'max')::bigint, 10000), 2147483647);
    v_faults := v_faults || core.parent_faults(p_customer_id, v_gate.unknown_parent_no, v_unknown ->> 'parentId', 'unknownEntity.parentId')
      || core.type_faults(v_gate.unknown_type, v_gate.unknown_entity = 'CREATE', 'unknownEntity.type');
  END IF;
  v_faults := v_faults || core.wallet_faults(p_customer_id, 0, 'customer', p_input -> 'wallets');
  PERFORM core.refuse_faults(v_faults);

  v_wallets := core.put_wallets(p_customer_id, 0, 'customer', p_input -> 'wallets', v_gate.last_no, v_gate.last_at);
  v_gate.last_no := greatest(v_gate.last_no, (SELECT max((w ->> 'walletNo')::integer) FROM jsonb_array_elements(v_wallets) AS w));
  IF v_customer IS DISTINCT FROM v_was OR v_gate <> v_old OR v_wallets <> '[]' THEN
    PERFORM core.end_change(v_gate, 'CUSTOMER', p_customer_id, CASE WHEN v_was.customer_id IS NOT NULL THEN core.policy_json(v_old, v_was) END,
                            core.policy_json(v_gate, v_customer) || jsonb_build_object('wallets', v_wallets), p_actor);
  END IF;
  RETURN (SELECT row - 'key' FROM api.read_customers(jsonb_build_object('customerId', p_customer_id), NULL, 1) AS row);
END
$$;
