-- Raises of some budgets, the newest first: those in force and those that have ended, be that booked or not. Of each budget the newest
-- hundred; who has no raise, or is unknown, is left out.
--
--   p_customers, p_budgets  whose, and which: as many of the one as of the other
--
-- endedAt is null while a raise is in force. Until the reason is forgotten with the entity that the budget stands on, it is as it was given.
CREATE OR REPLACE FUNCTION api.read_budget_raises(p_customers text[], p_budgets text[]) RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_most CONSTANT integer := 100;
BEGIN
  RETURN QUERY
  SELECT jsonb_build_object('customerId', b.customer_id, 'budgetId', b.budget_id, 'raises', r.raises)
  FROM unnest(p_customers, p_budgets) AS asked (customer_id, budget_id)
  JOIN core.budget AS b ON b.customer_id = asked.customer_id AND b.budget_id = asked.budget_id
  JOIN core.gate AS g ON g.customer_id = b.customer_id
  CROSS JOIN LATERAL (SELECT greatest(core.clock(), g.last_at) AS at) AS now
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
      'raiseId', newest.raise_no::text, 'amount', trim_scale(newest.amount)::text, 'until', newest.until, 'raisedBy', newest.raised_by,
      'reason', newest.reason, 'createdAt', newest.created_at, 'endedAt', CASE WHEN newest.until <= now.at THEN newest.until END
    ) ORDER BY newest.raise_no DESC) AS raises
    FROM (
      SELECT * FROM core.budget_raise AS u
      WHERE u.customer_id = b.customer_id AND u.budget_no = b.budget_no
      ORDER BY u.raise_no DESC
      LIMIT c_most
    ) AS newest
  ) AS r
  WHERE r.raises IS NOT NULL;
END
$$;
