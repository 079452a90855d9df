-- What was recorded after an instant and had taken effect by then: what time had brought, and was booked later. What it did to
-- each bounded account of the customer.
CREATE OR REPLACE FUNCTION core.late_balances(p_customer_id text, p_at timestamptz)
RETURNS TABLE (wallet_no integer, account core.account, change numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT s.wallet_no, s.account, sum(CASE WHEN s.account IN ('OWED', 'SHORTFALL', 'RECEIVABLE') THEN -s.change ELSE s.change END)
  FROM core.ledger_entry AS e
  CROSS JOIN LATERAL (VALUES (e.from_wallet_no, e.from_account, -e.amount), (e.to_wallet_no, e.to_account, e.amount)) AS s (wallet_no, account, change)
  WHERE e.customer_id = p_customer_id AND e.recorded_at > p_at AND e.effective_at IS NOT NULL AND e.effective_at <= p_at
    AND s.account NOT IN ('ISSUED', 'CONSUMED', 'EXPIRED', 'VOIDED')
  GROUP BY s.wallet_no, s.account;
END
$$;
