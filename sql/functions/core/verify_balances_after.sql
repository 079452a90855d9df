-- The balance noted on each side of each entry is the running fold of its account by (seq, leg), and never below zero;
-- unbounded accounts note none.
CREATE OR REPLACE FUNCTION core.verify_balances_after(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH running AS (
    SELECT s.*, s.account IN ('ISSUED', 'CONSUMED', 'EXPIRED', 'VOIDED') AS is_unbounded,
           sum(s.delta) OVER (PARTITION BY s.customer_id, s.wallet_no, s.account ORDER BY s.seq, s.leg) AS balance
    FROM core.ledger_sides(p_customers) AS s
  ), compared AS (
    SELECT r.customer_id, CASE
      WHEN r.balance_after IS DISTINCT FROM CASE WHEN NOT r.is_unbounded THEN r.balance END OR (r.balance < 0 AND NOT r.is_unbounded)
      THEN jsonb_build_object('walletNo', r.wallet_no, 'account', r.account, 'seq', r.seq, 'leg', r.leg,
                              'stored', trim_scale(r.balance_after)::text, 'ledger', trim_scale(r.balance)::text) END AS offender
    FROM running AS r
  )
  SELECT 'balances_after', NULL, count(*), NULL::jsonb FROM compared
  UNION ALL (SELECT 'balances_after', c.customer_id, NULL, c.offender FROM compared AS c WHERE c.offender IS NOT NULL LIMIT 20);
END
$$;
