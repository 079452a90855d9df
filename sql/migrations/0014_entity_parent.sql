-- What stands directly below an entity, and from there everything below it: the index on paths holds the entities of all
-- customers, whose small numbers are the same. Entities are few beside history, and no consumption writes them.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX entity_of_parent ON core.entity (customer_id, parent_no);
