-- Every bounded account of every wallet equals the fold of the ledger. OWED, SHORTFALL and RECEIVABLE are what the customer
-- owes us: they grow when credits move from them.
CREATE OR REPLACE FUNCTION core.verify_balances(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH folded AS (
    SELECT s.customer_id, s.wallet_no, s.account, sum(s.delta) AS balance FROM core.ledger_sides(p_customers) AS s
    GROUP BY s.customer_id, s.wallet_no, s.account
  ), compared AS (
    SELECT w.customer_id, CASE WHEN a.stored <> coalesce(f.balance, 0) THEN jsonb_build_object(
             'walletId', w.wallet_id, 'account', a.account, 'stored', trim_scale(a.stored)::text, 'ledger', trim_scale(coalesce(f.balance, 0))::text) END AS offender
    FROM core.wallet AS w
    CROSS JOIN LATERAL (VALUES ('SCHEDULED', w.scheduled), ('AVAILABLE', w.available), ('HELD', w.held), ('LEASED', w.leased),
                               ('OWED', w.owed), ('SHORTFALL', w.shortfall), ('RECEIVABLE', w.receivable)) AS a (account, stored)
    LEFT JOIN folded AS f ON f.customer_id = w.customer_id AND f.wallet_no = w.wallet_no AND f.account = a.account::core.account
    WHERE p_customers IS NULL OR w.customer_id = ANY (p_customers)
  )
  SELECT 'balances', NULL, count(*), NULL::jsonb FROM compared
  UNION ALL (SELECT 'balances', c.customer_id, NULL, c.offender FROM compared AS c WHERE c.offender IS NOT NULL LIMIT 20);
END
$$;
