-- Moves an entity, with everything below it, to another parent. From the next decision on it charges the budgets and wallets above
-- its new place; what has been charged stays where it was.
--
--   p_input  entityId!, parentId (must be there; null: the customer itself)
--
-- Returns the entity as api.read_entities has it; to where it stands changes nothing. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.move_entity(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_id text := p_input ->> 'entityId';
  v_gate core.gate;
  v_entity core.entity;
  v_parent_no integer;
  v_parent core.entity;
BEGIN
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"entityId": "key!", "parentId": "key"}')
    || CASE WHEN p_input ? 'parentId' THEN '[]' ELSE core.fault('parentId', 'REQUIRED', 'is needed; null is the customer itself') END);
  v_gate := core.begin_change(p_customer_id);
  SELECT * INTO v_entity FROM core.entity WHERE customer_id = p_customer_id AND entity_id = v_id;
  v_parent_no := coalesce(core.entity_no_of(p_customer_id, p_input ->> 'parentId'), 0);
  SELECT * INTO v_parent FROM core.entity WHERE customer_id = p_customer_id AND entity_no = v_parent_no;
  PERFORM core.refuse_faults(CASE
      WHEN v_entity.entity_no IS NULL THEN core.fault('entityId', 'NOT_FOUND', format('there is no entity %s', v_id))
      WHEN v_entity.archived_at IS NOT NULL THEN core.fault('entityId', 'ARCHIVED', 'is archived; bring it back first')
      ELSE '[]' END
    || CASE WHEN v_parent.entity_no IS NULL OR v_entity.parent_no IS DISTINCT FROM v_parent.entity_no THEN core.move_faults(v_entity, v_parent, p_input ->> 'parentId') ELSE '[]' END);
  IF v_entity.parent_no <> v_parent.entity_no THEN
    PERFORM core.move_entity(v_entity, v_parent);
    PERFORM core.end_change(v_gate, 'ENTITY_MOVED', v_entity.entity_no::text,
      jsonb_build_object('entityNo', v_entity.entity_no, 'parentNo', v_entity.parent_no),
      jsonb_build_object('entityNo', v_entity.entity_no, 'type', v_entity.entity_type, 'parentNo', v_parent.entity_no), p_actor);
  END IF;
  RETURN (SELECT row - 'key' FROM api.read_entities(p_customer_id, jsonb_build_object('entityId', v_id), NULL, 1) AS row);
END
$$;
