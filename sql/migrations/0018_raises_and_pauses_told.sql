-- Raises of a budget can be read, the newest first, and a paused budget tells of no threshold before it goes on.

-- (CONCURRENTLY would need a migration of its own, and nothing is deployed that this would hold up.)
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX budget_raise_of_budget ON core.budget_raise (customer_id, budget_no, raise_no);

-- Of a paused budget: the thresholds that the counter had reached when the pause began, so that only what came to it since is told
-- when it ends. NULL for none of them, for a count that began later, and for every budget that goes on.
ALTER TABLE core.counter ADD COLUMN reached_before_pause numeric(38,9)[];

-- Pauses and resumptions too, of budgets without thresholds as well: those may come while it is paused.
CREATE OR REPLACE TRIGGER budget_crosses_thresholds AFTER UPDATE OF amount_limit, raised, thresholds, is_active ON core.budget
  FOR EACH ROW WHEN (OLD.thresholds <> '{}' OR NEW.thresholds <> '{}' OR OLD.is_active <> NEW.is_active)
  EXECUTE FUNCTION core.tell_of_budget();
