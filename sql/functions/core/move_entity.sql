-- Moves an entity and everything below it: each keeps its way up to the entity and goes on as the new parent does.
CREATE OR REPLACE FUNCTION core.move_entity(p_entity core.entity, p_parent core.entity) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE core.entity SET
    parent_no = CASE WHEN entity_no = p_entity.entity_no THEN p_parent.entity_no ELSE parent_no END,
    path = path[:array_position(path, p_entity.entity_no)] || p_parent.path,
    path_types = path_types[:array_position(path, p_entity.entity_no)] || p_parent.path_types
  WHERE customer_id = p_entity.customer_id AND path @> ARRAY[p_entity.entity_no];
END
$$;
