-- api.balances_at for people who read reports: a row for each wallet of a customer, all of them, as they stood at a place or time of
-- its history.
--
--   p_at  {"seq": …}, {"recordedAt": …} or {"effectiveAt": …}, as there
--
-- Raises UC101 for no or several of the three, for an unknown customer, and for what has not happened yet.
CREATE OR REPLACE FUNCTION report.balances_at(p_customer_id text, p_at jsonb)
RETURNS TABLE (
  wallet_id text, credit_type text, available numeric, entity_id text, scheduled numeric, held numeric, leased numeric, settled numeric,
  owed numeric, shortfall numeric, receivable numeric, overdraft_limit numeric, seq bigint, is_final boolean)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT w.wallet_id, w.credit_type, w.available, w.entity_id, w.scheduled, w.held, w.leased, w.available + w.held + w.leased,
         w.owed, w.shortfall, w.receivable, w.overdraft_limit, p.seq, p.is_final
  FROM core.place_in_history(p_customer_id, p_at) AS p
  CROSS JOIN LATERAL core.wallets_at(p_customer_id, p.seq, coalesce(p_at ->> 'recordedAt', p_at ->> 'effectiveAt')::timestamptz, (p_at ->> 'effectiveAt')::timestamptz, NULL) AS w
  ORDER BY w.wallet_no;
END
$$;
