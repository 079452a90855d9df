-- The thresholds of a budget that so much used has reached, under the limit in force.
CREATE OR REPLACE FUNCTION core.reached_thresholds(p_budget core.budget, p_used numeric) RETURNS numeric[]
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN ARRAY(
    SELECT share FROM unnest(p_budget.thresholds) AS share
    WHERE p_used > 0 AND p_used >= share * (p_budget.amount_limit + p_budget.raised) ORDER BY share);
END
$$;
