-- Balances of the bounded accounts of some customers, each after the entry of theirs with the given seq: what the opening before
-- it says, and of each account that was touched since, what is noted on the last entry that did. So it reads at most the
-- entries of one month, where months are opened. An account that was never touched has no row.
--
--   p_seqs  one for each customer
CREATE OR REPLACE FUNCTION core.balances_after(p_customers text[], p_seqs bigint[])
RETURNS TABLE (customer_id text, wallet_no integer, account core.account, balance numeric, last_seq bigint)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH base AS MATERIALIZED (
    SELECT c.customer_id, c.seq, m.month, coalesce(m.last_seq, 0) AS from_seq, coalesce(m.month::timestamp AT TIME ZONE 'UTC', '-infinity') AS begins_at
    FROM unnest(p_customers, p_seqs) AS c (customer_id, seq)
    LEFT JOIN LATERAL (SELECT m.month, m.last_seq FROM core.customer_month AS m
                       WHERE m.customer_id = c.customer_id AND m.last_seq <= c.seq ORDER BY m.month DESC LIMIT 1) AS m ON true
  ), touched AS MATERIALIZED (
    -- One number says seq and leg, so that the last one is a plain maximum.
    SELECT b.customer_id, b.begins_at, s.wallet_no, s.account, max(e.seq * 32768 + e.leg) AS place
    FROM base AS b
    JOIN core.ledger_entry AS e ON e.customer_id = b.customer_id AND e.seq > b.from_seq AND e.seq <= b.seq AND e.recorded_at >= b.begins_at
    CROSS JOIN LATERAL (VALUES (e.from_wallet_no, e.from_account), (e.to_wallet_no, e.to_account)) AS s (wallet_no, account)
    WHERE s.account NOT IN ('ISSUED', 'CONSUMED', 'EXPIRED', 'VOIDED')
    GROUP BY b.customer_id, b.begins_at, s.wallet_no, s.account
  )
  SELECT t.customer_id, t.wallet_no, t.account,
         CASE WHEN e.from_wallet_no = t.wallet_no AND e.from_account = t.account THEN e.from_balance_after ELSE e.to_balance_after END, e.seq
  FROM touched AS t
  JOIN core.ledger_entry AS e ON e.customer_id = t.customer_id AND e.seq = t.place / 32768 AND e.leg = t.place % 32768 AND e.recorded_at >= t.begins_at
  UNION ALL
  SELECT o.customer_id, o.wallet_no, o.account, o.balance, o.last_seq
  FROM base AS b
  JOIN core.opening AS o ON o.customer_id = b.customer_id AND o.month = b.month
  WHERE NOT EXISTS (SELECT FROM touched AS t WHERE t.customer_id = o.customer_id AND t.wallet_no = o.wallet_no AND t.account = o.account);
END
$$;
