-- Moves an entity and everything below it: each keeps its way up to the entity and goes on as the new parent does.
CREATE OR REPLACE FUNCTION core.move_entity(p_entity core.entity, p_parent core.entity) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  v_no integer;
BEGIN
  -- One by one: as a join it is planned by how many entities there were at the last analyse, and read ten thousand of them ten thousand times.
  FOREACH v_no IN ARRAY core.entities_below(p_entity.customer_id, NULL, NULL, p_entity.entity_no) LOOP
    UPDATE core.entity AS e SET
      parent_no = CASE WHEN entity_no = p_entity.entity_no THEN p_parent.entity_no ELSE parent_no END,
      path = path[:array_position(path, p_entity.entity_no)] || p_parent.path,
      path_types = path_types[:array_position(path, p_entity.entity_no)] || p_parent.path_types
    WHERE e.customer_id = p_entity.customer_id AND e.entity_no = v_no;
  END LOOP;
END
$$;
