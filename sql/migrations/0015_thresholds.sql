-- Thresholds of budgets: shares of the limit at which somebody is told, once per crossing.

-- In order. {0.8,1}: told at four fifths of what is in force, raises included, and at all of it.
ALTER TABLE core.budget ADD COLUMN thresholds numeric(38,9)[] NOT NULL DEFAULT '{}';
-- (To validate it apart would need a migration of its own, and nothing is deployed that this would hold up.)
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE core.budget ADD CONSTRAINT budget_thresholds_are_shares CHECK (0 < ALL (thresholds) AND 10 >= ALL (thresholds));
-- Whether its budget has any: known without looking at the budget, since nearly every consumption writes counters.
ALTER TABLE core.counter ADD COLUMN is_watched boolean NOT NULL DEFAULT false;

-- Two thin triggers rather than a call in every function that writes counters, limits and raises, so that none can forget it.
CREATE FUNCTION core.tell_of_counter() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM core.enqueue_crossings_of_counter(CASE WHEN TG_OP = 'UPDATE' THEN OLD END, NEW);
  RETURN NULL;
END
$$;
CREATE TRIGGER counter_crosses_thresholds AFTER INSERT OR UPDATE OF used ON core.counter
  FOR EACH ROW WHEN (NEW.is_watched) EXECUTE FUNCTION core.tell_of_counter();

CREATE FUNCTION core.tell_of_budget() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM core.enqueue_crossings_of_budget(OLD, NEW);
  RETURN NULL;
END
$$;
CREATE TRIGGER budget_crosses_thresholds AFTER UPDATE OF amount_limit, raised, thresholds ON core.budget
  FOR EACH ROW WHEN (OLD.thresholds <> '{}' OR NEW.thresholds <> '{}') EXECUTE FUNCTION core.tell_of_budget();
