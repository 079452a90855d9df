-- Openings of months against the fold of the ledger: which entry was the last before the month, what then stood on each
-- account that was ever touched, and what had gone of each grant. And nothing was recorded later of a month that was
-- closed by then.
CREATE OR REPLACE FUNCTION core.verify_openings(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH opened AS MATERIALIZED (
    SELECT m.customer_id, m.month, m.last_seq, m.month::timestamp AT TIME ZONE 'UTC' AS begins_at,
           row_number() OVER (PARTITION BY m.customer_id ORDER BY m.month) AS place
    FROM core.customer_month AS m
    WHERE p_customers IS NULL OR m.customer_id = ANY (p_customers)
  ), bounds AS MATERIALIZED (
    SELECT o.customer_id, array_agg(o.last_seq ORDER BY o.place) AS seqs FROM opened AS o GROUP BY o.customer_id
  ), last AS (
    SELECT o.customer_id, o.month, o.last_seq, coalesce((SELECT max(e.seq) FROM core.ledger_entry AS e
      WHERE e.customer_id = o.customer_id AND e.recorded_at < o.begins_at), 0) AS worked_out
    FROM opened AS o
  ), moved AS MATERIALIZED (
    -- Between two openings, by the place of the second.
    SELECT b.customer_id, width_bucket(s.seq - 1, b.seqs) + 1 AS place, s.wallet_no, s.account, sum(s.delta) AS delta, max(s.seq) AS last_seq
    FROM bounds AS b
    JOIN core.ledger_sides(ARRAY(SELECT customer_id FROM bounds)) AS s ON s.customer_id = b.customer_id
    WHERE s.account NOT IN ('ISSUED', 'CONSUMED', 'EXPIRED', 'VOIDED')
    GROUP BY b.customer_id, 2, s.wallet_no, s.account
  ), folded AS (
    SELECT o.customer_id, o.month, m.wallet_no, m.account, sum(m.delta) AS balance, max(m.last_seq) AS last_seq
    FROM opened AS o
    JOIN moved AS m ON m.customer_id = o.customer_id AND m.place <= o.place
    GROUP BY o.customer_id, o.month, m.wallet_no, m.account
  ), went AS MATERIALIZED (
    SELECT b.customer_id, width_bucket(e.seq - 1, b.seqs) + 1 AS place, e.grant_no,
           sum(CASE WHEN e.from_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN e.amount ELSE 0 END
               - CASE WHEN e.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') AND e.from_account <> 'ISSUED'
                        AND e.from_wallet_no = e.to_wallet_no AND NOT (e.kind = 'REVERSAL' AND e.grant_no = e.seq) THEN e.amount ELSE 0 END) AS goes
    FROM bounds AS b
    JOIN core.ledger_entry AS e ON e.customer_id = b.customer_id
    WHERE e.grant_no IS NOT NULL
    GROUP BY b.customer_id, 2, e.grant_no
  ), gone AS (
    -- No row for what was gone entirely.
    SELECT o.customer_id, o.month, g.grant_no, nullif(coalesce(sum(w.goes), 0), g.amount) AS gone
    FROM opened AS o
    JOIN core.credit_grant AS g ON g.customer_id = o.customer_id AND g.created_at < o.begins_at
    LEFT JOIN went AS w ON w.customer_id = g.customer_id AND w.grant_no = g.grant_no AND w.place <= o.place
    GROUP BY o.customer_id, o.month, g.grant_no, g.amount
  ), stored AS (
    SELECT o.* FROM core.opening AS o WHERE p_customers IS NULL OR o.customer_id = ANY (p_customers)
  ), compared AS (
    SELECT coalesce(s.customer_id, f.customer_id) AS customer_id, CASE WHEN (s.balance, s.last_seq) IS DISTINCT FROM (f.balance, f.last_seq) THEN jsonb_build_object(
             'month', coalesce(s.month, f.month), 'walletNo', coalesce(s.wallet_no, f.wallet_no), 'account', coalesce(s.account, f.account),
             'stored', trim_scale(s.balance)::text, 'ledger', trim_scale(f.balance)::text, 'storedSeq', s.last_seq, 'ledgerSeq', f.last_seq) END AS offender
    FROM stored AS s
    FULL JOIN folded AS f ON f.customer_id = s.customer_id AND f.month = s.month AND f.wallet_no = s.wallet_no AND f.account = s.account
    UNION ALL
    SELECT l.customer_id, CASE WHEN l.last_seq <> l.worked_out THEN jsonb_build_object('month', l.month, 'storedSeq', l.last_seq, 'ledgerSeq', l.worked_out) END
    FROM last AS l
    UNION ALL
    SELECT g.customer_id, CASE WHEN o.gone IS DISTINCT FROM g.gone THEN jsonb_build_object('month', g.month, 'grantId', g.grant_no::text,
             'stored', trim_scale(o.gone)::text, 'ledger', trim_scale(g.gone)::text) END
    FROM gone AS g
    LEFT JOIN core.opening_grant AS o ON o.customer_id = g.customer_id AND o.month = g.month AND o.grant_no = g.grant_no
    UNION ALL
    SELECT e.customer_id, jsonb_build_object('seq', e.seq, 'leg', e.leg, 'recordedAt', e.recorded_at, 'effectiveAt', e.effective_at, 'closedAt', m.closed_at)
    FROM core.month AS m
    JOIN core.ledger_entry AS e ON e.recorded_at > m.closed_at AND e.effective_at IS NOT NULL AND e.effective_at < (m.month + interval '1 month') AT TIME ZONE 'UTC'
    WHERE p_customers IS NULL OR e.customer_id = ANY (p_customers)
    UNION ALL
    SELECT u.customer_id, jsonb_build_object('seq', u.seq, 'recordedAt', u.recorded_at, 'occurredAt', u.occurred_at, 'closedAt', m.closed_at)
    FROM core.month AS m
    JOIN core.usage_event AS u ON u.recorded_at > m.closed_at AND u.occurred_at IS NOT NULL AND u.occurred_at < (m.month + interval '1 month') AT TIME ZONE 'UTC'
    WHERE p_customers IS NULL OR u.customer_id = ANY (p_customers)
  )
  SELECT 'openings', NULL, count(*), NULL::jsonb FROM compared
  UNION ALL (SELECT 'openings', c.customer_id, NULL, c.offender FROM compared AS c WHERE c.offender IS NOT NULL LIMIT 20);
END
$$;
