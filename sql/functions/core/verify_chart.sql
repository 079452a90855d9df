-- Every entry joins two accounts that entries of its kind may join: report.entry_kinds.
CREATE OR REPLACE FUNCTION core.verify_chart(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH met AS (
    SELECT e.customer_id, e.kind::text AS kind, e.from_account::text AS from_account, e.to_account::text AS to_account, count(*) AS times, min(e.seq) AS first_seq
    FROM core.ledger_entry AS e
    WHERE p_customers IS NULL OR e.customer_id = ANY (p_customers)
    GROUP BY e.customer_id, e.kind, e.from_account, e.to_account
  )
  SELECT 'chart', NULL, coalesce(sum(m.times), 0)::bigint, NULL::jsonb FROM met AS m
  UNION ALL (
    SELECT 'chart', m.customer_id, NULL, jsonb_build_object('kind', m.kind, 'fromAccount', m.from_account, 'toAccount', m.to_account, 'entries', m.times, 'seq', m.first_seq)
    FROM met AS m
    WHERE NOT EXISTS (SELECT FROM report.entry_kinds AS k WHERE k.kind = m.kind AND m.from_account = ANY (k.from_accounts) AND m.to_account = ANY (k.to_accounts))
    LIMIT 20);
END
$$;
