-- What stands below an entity is found parent by parent (core.entities_below): the index on paths held the entities of all
-- customers under the same small numbers, and cost whoever makes or moves an entity more than all other indexes together.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX core.entity_path;
