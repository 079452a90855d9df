-- How much had gone of each grant of some customers, each after the entry with the given seq: had left deferred revenue, or
-- its wallet. The opening before it, and the entries since. Grants of before p_before alone.
CREATE OR REPLACE FUNCTION core.grants_gone(p_customers text[], p_seqs bigint[], p_before timestamptz)
RETURNS TABLE (customer_id text, grant_no bigint, amount numeric, gone numeric)
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
  ), since AS MATERIALIZED (
    SELECT b.customer_id, e.grant_no,
           sum(CASE WHEN e.from_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN e.amount ELSE 0 END
               - CASE WHEN e.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') AND e.from_account <> 'ISSUED'
                        AND e.from_wallet_no = e.to_wallet_no AND NOT (e.kind = 'REVERSAL' AND e.grant_no = e.seq) THEN e.amount ELSE 0 END) AS goes
    FROM base AS b
    JOIN core.ledger_entry AS e ON e.customer_id = b.customer_id AND e.seq > b.from_seq AND e.seq <= b.seq AND e.recorded_at >= b.begins_at
    WHERE e.grant_no IS NOT NULL
    GROUP BY b.customer_id, e.grant_no
  )
  SELECT g.customer_id, g.grant_no, g.amount,
         -- What an opening says nothing of was made after it, or was gone already.
         coalesce(o.gone, CASE WHEN b.month IS NULL OR g.created_at >= b.begins_at THEN 0 ELSE g.amount END) + coalesce(s.goes, 0)
  FROM base AS b
  JOIN core.credit_grant AS g ON g.customer_id = b.customer_id AND g.created_at < p_before
  LEFT JOIN core.opening_grant AS o ON o.customer_id = g.customer_id AND o.month = b.month AND o.grant_no = g.grant_no
  LEFT JOIN since AS s ON s.customer_id = g.customer_id AND s.grant_no = g.grant_no;
END
$$;
