-- What stood on the accounts of a customer's wallets after an operation, by the ledger as it is now; the oldest wallets first. One that
-- was made later shows zeros. A limit is the one that was last said by then.
--
--   p_seq           after that operation
--   p_by            and with the limits that were said by then, since those leave no entry; NULL is by p_seq alone
--   p_effective_at  and after all that had taken effect by then and was recorded later; NULL is nothing of that
--   p_most          so many wallets; NULL is all
CREATE OR REPLACE FUNCTION core.wallets_at(p_customer_id text, p_seq bigint, p_by timestamptz, p_effective_at timestamptz, p_most integer)
RETURNS TABLE (
  wallet_no integer, wallet_id text, entity_id text, credit_type text, scheduled numeric, available numeric, held numeric, leased numeric,
  owed numeric, shortfall numeric, receivable numeric, overdraft_limit numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH stood AS (
    SELECT a.wallet_no, a.account, sum(a.balance) AS balance
    FROM (
      SELECT b.wallet_no, b.account, b.balance FROM core.balances_after(ARRAY[p_customer_id], ARRAY[p_seq]) AS b
      UNION ALL
      SELECT l.wallet_no, l.account, l.change FROM core.late_balances(p_customer_id, p_effective_at) AS l
    ) AS a
    GROUP BY a.wallet_no, a.account
  ), limited AS (
    SELECT DISTINCT ON (w.wallet ->> 'walletNo') (w.wallet ->> 'walletNo')::integer AS wallet_no, (w.wallet ->> 'overdraftLimit')::numeric AS overdraft_limit
    FROM core.change AS c
    CROSS JOIN LATERAL jsonb_array_elements(c.after -> 'wallets') AS w (wallet)
    WHERE c.customer_id = p_customer_id AND (c.seq <= p_seq OR c.recorded_at <= p_by) AND c.after -> 'wallets' <> '[]'
    ORDER BY w.wallet ->> 'walletNo', c.seq DESC
  ), told AS (
    SELECT w.wallet_no, w.wallet_id, w.entity_no, w.credit_type,
           coalesce(sum(s.balance) FILTER (WHERE s.account = 'SCHEDULED'), 0) AS scheduled,
           coalesce(sum(s.balance) FILTER (WHERE s.account = 'AVAILABLE'), 0) AS available,
           coalesce(sum(s.balance) FILTER (WHERE s.account = 'HELD'), 0) AS held,
           coalesce(sum(s.balance) FILTER (WHERE s.account = 'LEASED'), 0) AS leased,
           coalesce(sum(s.balance) FILTER (WHERE s.account = 'OWED'), 0) AS owed,
           coalesce(sum(s.balance) FILTER (WHERE s.account = 'SHORTFALL'), 0) AS shortfall,
           coalesce(sum(s.balance) FILTER (WHERE s.account = 'RECEIVABLE'), 0) AS receivable
    FROM (SELECT * FROM core.wallet AS w WHERE w.customer_id = p_customer_id ORDER BY w.wallet_no LIMIT p_most) AS w
    LEFT JOIN stood AS s ON s.wallet_no = w.wallet_no
    GROUP BY w.wallet_no, w.wallet_id, w.entity_no, w.credit_type
  )
  SELECT t.wallet_no, t.wallet_id, e.entity_id, t.credit_type, t.scheduled, t.available, t.held, t.leased, t.owed, t.shortfall, t.receivable,
         coalesce(l.overdraft_limit, 0)
  FROM told AS t
  LEFT JOIN limited AS l ON l.wallet_no = t.wallet_no
  JOIN core.entity AS e ON e.customer_id = p_customer_id AND e.entity_no = t.entity_no
  ORDER BY t.wallet_no;
END
$$;
