-- What stands directly below an entity, and from there everything below it: the index on paths holds the entities of all
-- customers, whose small numbers are the same. Entities are few beside history, and no consumption writes them.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX entity_of_parent ON core.entity (customer_id, parent_no);
-- Those of all of a customer's that no list of who spends shows: few.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX entity_archived ON core.entity (customer_id, entity_no) WHERE archived_at IS NOT NULL;
