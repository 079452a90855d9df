-- The ledger by account: both sides of every entry, with what it did to the account and the balance noted after it.
CREATE OR REPLACE FUNCTION core.ledger_sides(p_customers text[])
RETURNS TABLE (customer_id text, wallet_no integer, account core.account, seq bigint, leg smallint, delta numeric, balance_after numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT e.customer_id, s.wallet_no, s.account, e.seq, e.leg,
         CASE WHEN s.account IN ('OWED', 'SHORTFALL', 'RECEIVABLE') THEN -s.delta ELSE s.delta END, s.balance_after
  FROM core.ledger_entry AS e
  CROSS JOIN LATERAL (VALUES (e.from_wallet_no, e.from_account, -e.amount, e.from_balance_after),
                             (e.to_wallet_no, e.to_account, e.amount, e.to_balance_after)) AS s (wallet_no, account, delta, balance_after)
  WHERE p_customers IS NULL OR e.customer_id = ANY (p_customers);
END
$$;
