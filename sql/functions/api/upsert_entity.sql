-- Makes an entity, changes it, or moves it with everything below it to another parent.
--
--   p_input  entityId!, type (needed for a new one; never changes), parentId (null: the customer itself), name,
--            metadata, archived (false brings an archived one back, and nothing else does), wallets [{walletId, creditType!, overdraftLimit}] (those named; others stay); absent leaves
--            as it is
--
-- Returns the entity as api.read_entities has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.upsert_entity(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_id text := p_input ->> 'entityId';
  v_faults jsonb := core.faults(p_input, '', '{"entityId": "key!", "type": "key", "parentId": "key", "name": "text", "metadata": "object", "archived": "boolean", "wallets": "list"}')
    || core.element_faults(p_input -> 'wallets', 'wallets', '{"walletId": "text", "creditType": "id!", "overdraftLimit": "amount"}', 100, 'creditType');
  v_gate core.gate;
  v_old core.entity;
  v_new core.entity;
  v_parent_no integer;
  v_parent core.entity;
  v_wallets jsonb;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  v_gate := core.begin_change(p_customer_id);
  SELECT * INTO v_old FROM core.entity WHERE customer_id = p_customer_id AND entity_id = v_id;
  -- By its number: a condition that takes its column by the case would walk over all of the customer's entities.
  v_parent_no := CASE
    WHEN p_input ->> 'parentId' IS NOT NULL THEN core.entity_no_of(p_customer_id, p_input ->> 'parentId')
    WHEN p_input ? 'parentId' OR v_old.entity_no IS NULL THEN 0
    ELSE v_old.parent_no END;
  SELECT * INTO v_parent FROM core.entity WHERE customer_id = p_customer_id AND entity_no = v_parent_no;
  v_faults := v_faults || core.type_faults(p_input ->> 'type', v_old.entity_no IS NULL, 'type')
    || CASE WHEN p_input ->> 'type' <> v_old.entity_type
      THEN core.fault('type', 'IMMUTABLE', format('is %s and never changes', v_old.entity_type)) ELSE '[]' END
    || CASE WHEN p_input -> 'archived' = 'true' THEN core.fault('archived', 'NOT_APPLICABLE', 'only false can be said here; archiveEntity (api.archive_entity) archives')
      WHEN v_old.archived_at IS NOT NULL AND p_input -> 'archived' IS DISTINCT FROM 'false'
      THEN core.fault('entityId', 'ARCHIVED', 'is archived: say archived false to bring it back') ELSE '[]' END
    || CASE WHEN v_old.entity_no IS NULL OR (v_old.archived_at IS NOT NULL AND v_old.parent_no = v_parent.entity_no)
      THEN core.parent_faults(p_customer_id, v_parent.entity_no, p_input ->> 'parentId', 'parentId')
      WHEN v_old.parent_no IS DISTINCT FROM v_parent.entity_no THEN core.move_faults(v_old, v_parent, p_input ->> 'parentId') ELSE '[]' END
    || core.wallet_faults(p_customer_id, v_old.entity_no, v_id, p_input -> 'wallets');
  PERFORM core.refuse_faults(v_faults);

  v_new := v_old;
  IF v_old.entity_no IS NULL THEN
    v_gate.last_no := v_gate.last_no + 1;
    v_gate.entity_count := v_gate.entity_count + 1;
    v_new.customer_id := p_customer_id;
    v_new.entity_no := v_gate.last_no;
    v_new.entity_id := v_id;
    v_new.entity_type := p_input ->> 'type';
    v_new.path := v_new.entity_no || v_parent.path;
    v_new.path_types := v_new.entity_type || v_parent.path_types;
    v_new.created_at := v_gate.last_at;
  END IF;
  v_new.parent_no := v_parent.entity_no;
  v_new.archived_at := NULL;
  v_new.name := CASE WHEN p_input ? 'name' THEN p_input ->> 'name' ELSE v_old.name END;
  v_new.metadata := coalesce(nullif(p_input -> 'metadata', 'null'), v_old.metadata, '{}');
  IF v_old.entity_no IS NULL THEN
    INSERT INTO core.entity SELECT v_new.*;
  ELSIF v_new <> v_old THEN
    UPDATE core.entity SET name = v_new.name, metadata = v_new.metadata, archived_at = NULL WHERE customer_id = p_customer_id AND entity_no = v_new.entity_no;
    IF v_new.parent_no <> v_old.parent_no THEN
      PERFORM core.move_entity(v_old, v_parent);
    END IF;
  END IF;
  v_wallets := core.put_wallets(p_customer_id, v_new.entity_no, v_id, p_input -> 'wallets', v_gate.last_no, v_gate.last_at);
  v_gate.last_no := greatest(v_gate.last_no, (SELECT max((w ->> 'walletNo')::integer) FROM jsonb_array_elements(v_wallets) AS w));
  IF v_new IS DISTINCT FROM v_old OR v_wallets <> '[]' THEN
    PERFORM core.end_change(v_gate, CASE WHEN v_old.entity_no IS NULL THEN 'ENTITY_CREATED'
        WHEN v_old.archived_at IS NOT NULL THEN 'ENTITY_UNARCHIVED'
        WHEN v_new.parent_no <> v_old.parent_no THEN 'ENTITY_MOVED' ELSE 'ENTITY' END,
      v_new.entity_no::text,
      CASE WHEN v_old.entity_no IS NOT NULL THEN jsonb_build_object('entityNo', v_old.entity_no, 'parentNo', v_old.parent_no) END
        || CASE WHEN v_old.archived_at IS NOT NULL THEN '{"archived": true}' ELSE '{}' END::jsonb,
      jsonb_build_object('entityNo', v_new.entity_no, 'type', v_new.entity_type, 'parentNo', v_new.parent_no,
                         'wallets', v_wallets)
        || CASE WHEN v_old.archived_at IS NOT NULL THEN '{"archived": false}' ELSE '{}' END::jsonb, p_actor);
  END IF;
  RETURN (SELECT row - 'key' FROM api.read_entities(p_customer_id, jsonb_build_object('entityId', v_id), NULL, 1) AS row);
END
$$;
