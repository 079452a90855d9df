-- Archives an entity: from the next decision on, who names it is told ENTITY_NOT_FOUND. Its history, its budgets and what its
-- wallets hold stay, reservations that name it go on, and its id stays taken; api.upsert_entity brings it back. Nothing that works
-- can stand below what does not, so it goes together with all below it, or only when those are archived.
--
--   p_input  entityId!, includeDescendants (archive everything below it too; default false: refused while something there is not)
--
-- Returns the entity as api.read_entities has it; again changes nothing. Raises UC101.
CREATE OR REPLACE FUNCTION api.archive_entity(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  v_id text := p_input ->> 'entityId';
  v_gate core.gate;
  v_entity core.entity;
  v_branch integer[];
  v_no integer;
  v_below bigint;
  v_takes_newcomers boolean;
BEGIN
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"entityId": "key!", "includeDescendants": "boolean"}'));
  v_gate := core.begin_change(p_customer_id);
  SELECT * INTO v_entity FROM core.entity WHERE customer_id = p_customer_id AND entity_id = v_id;
  IF NOT FOUND THEN
    PERFORM core.refuse_faults(core.fault('entityId', 'NOT_FOUND', format('there is no entity %s', v_id)));
  END IF;
  IF v_entity.archived_at IS NULL THEN
    -- One by one, as in core.move_entity.
    v_branch := ARRAY(
      SELECT b.no
      FROM unnest(core.entities_below(p_customer_id, NULL, NULL, v_entity.entity_no)) AS b (no)
      CROSS JOIN LATERAL (SELECT archived_at FROM core.entity WHERE customer_id = p_customer_id AND entity_no = b.no OFFSET 0) AS e
      WHERE e.archived_at IS NULL);
    v_below := cardinality(v_branch) - 1;
    v_takes_newcomers := v_gate.unknown_entity = 'CREATE' AND coalesce(v_gate.unknown_parent_no = ANY (v_branch), false);
    PERFORM core.refuse_faults(
      CASE WHEN v_below > 0 AND NOT coalesce((p_input ->> 'includeDescendants')::boolean, false)
        THEN core.fault('entityId', 'NOT_EMPTY', format('has %s below it that are not archived: say includeDescendants, or archive those first', v_below))
        ELSE '[]' END
      || CASE WHEN v_takes_newcomers
        THEN core.fault('entityId', 'IN_USE', 'is where unknown entities are created, or stands above it: change unknownEntity first') ELSE '[]' END);
    FOREACH v_no IN ARRAY v_branch LOOP
      UPDATE core.entity SET archived_at = v_gate.last_at WHERE customer_id = p_customer_id AND entity_no = v_no;
    END LOOP;
    PERFORM core.end_change(v_gate, 'ENTITY_ARCHIVED', v_entity.entity_no::text,
      jsonb_build_object('entityNo', v_entity.entity_no, 'archived', false),
      jsonb_build_object('entityNo', v_entity.entity_no, 'archived', true, 'descendants', v_below, 'entityNos', to_jsonb(v_branch)), p_actor);
  END IF;
  RETURN (SELECT row - 'key' FROM api.read_entities(p_customer_id, jsonb_build_object('entityId', v_id), NULL, 1) AS row);
END
$$;
