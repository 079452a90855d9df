-- How many entities budgets on each of a type count now: those of the type below where the budget stands that are not archived. 0 tells
-- that there is none (yet), or that the type was mistyped; budgets on one entity or on sessions, and who is unknown, are left out.
--
--   p_customers, p_budgets  whose, and which: as many of the one as of the other
--
-- Returns {customerId, budgetId, eachCount}, once a budget.
CREATE OR REPLACE FUNCTION api.count_each(p_customers text[], p_budgets text[]) RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Many budgets count the same, such as every user of the customer.
  RETURN QUERY
  WITH budget AS MATERIALIZED (
    SELECT DISTINCT b.customer_id, b.budget_id, b.entity_no, b.each_type
    FROM unnest(p_customers, p_budgets) AS asked (customer_id, budget_id)
    CROSS JOIN LATERAL (
      SELECT * FROM core.budget AS b WHERE b.customer_id = asked.customer_id AND b.budget_id = asked.budget_id OFFSET 0) AS b
    WHERE b.subject_kind = 'EACH'
  ), below AS MATERIALIZED (
    SELECT d.*, core.count_below(d.customer_id, d.entity_no, d.each_type) AS found
    FROM (SELECT DISTINCT customer_id, entity_no, each_type FROM budget) AS d
  )
  SELECT jsonb_build_object('customerId', b.customer_id, 'budgetId', b.budget_id, 'eachCount', n.found::text)
  FROM budget AS b
  JOIN below AS n ON n.customer_id = b.customer_id AND n.entity_no = b.entity_no AND n.each_type = b.each_type;
END
$$;
