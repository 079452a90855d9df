-- Moves an entity and everything below it: each keeps its way up to the entity and goes on as the new parent does.
CREATE OR REPLACE FUNCTION core.move_entity(p_entity core.entity, p_parent core.entity) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  v_branch CONSTANT integer[] := core.entities_below(p_entity.customer_id, NULL, NULL, p_entity.entity_no);
BEGIN
  -- One by one: to the planner a branch is ten entities, and a customer with few on average is sooner read as a whole.
  UPDATE core.entity AS e SET
    parent_no = CASE WHEN entity_no = p_entity.entity_no THEN p_parent.entity_no ELSE parent_no END,
    path = path[:array_position(path, p_entity.entity_no)] || p_parent.path,
    path_types = path_types[:array_position(path, p_entity.entity_no)] || p_parent.path_types
  FROM unnest(v_branch) AS b (no)
  WHERE e.customer_id = p_entity.customer_id AND e.entity_no = b.no;
END
$$;
