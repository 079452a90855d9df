-- No grant is overspent: it is as large as what was issued for it, what is left of it equals the fold of its entries, in the
-- account where its state says it is; nothing is issued before its payment, and nothing left once it is voided; what is spent of one that was
-- charged back, and of no other, is receivable; and a wallet's accounts are the sums of its grants.
CREATE OR REPLACE FUNCTION core.verify_grants(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH folded AS (
    SELECT s.customer_id, s.grant_no, -sum(s.delta) FILTER (WHERE s.account = 'ISSUED') AS issued,
           sum(CASE WHEN s.account = 'AVAILABLE' THEN s.delta ELSE 0 END) AS available,
           sum(CASE WHEN s.account = 'SCHEDULED' THEN s.delta ELSE 0 END) AS scheduled,
           sum(CASE WHEN s.account = 'HELD' THEN s.delta ELSE 0 END) AS held,
           -sum(CASE WHEN s.account = 'RECEIVABLE' THEN s.delta ELSE 0 END) AS receivable
    FROM core.grant_sides(p_customers) AS s
    GROUP BY s.customer_id, s.grant_no
  ), compared AS (
    SELECT g.customer_id, CASE
      WHEN (coalesce(f.available, 0), coalesce(f.scheduled, 0)) IS DISTINCT FROM CASE WHEN g.is_scheduled THEN (0::numeric, g.remaining) ELSE (g.remaining, 0::numeric) END
        OR g.is_open <> (g.remaining > 0 OR g.held > 0)
        OR f.issued IS DISTINCT FROM CASE WHEN NOT g.is_pending THEN g.amount END
        OR coalesce(f.held, 0) <> g.held
        OR (g.voided_at IS NOT NULL AND g.remaining > 0)
        OR coalesce(f.receivable, 0) <> CASE WHEN g.charged_back_at IS NOT NULL THEN coalesce(s.spent, 0) ELSE 0 END
      THEN jsonb_build_object('grantId', g.grant_no::text, 'amount', trim_scale(g.amount)::text, 'issued', trim_scale(f.issued)::text, 'isScheduled', g.is_scheduled,
        'isOpen', g.is_open, 'remaining', trim_scale(g.remaining)::text, 'held', trim_scale(g.held)::text, 'heldByLedger', trim_scale(f.held)::text, 'available', trim_scale(f.available)::text, 'scheduled', trim_scale(f.scheduled)::text,
        'spent', trim_scale(s.spent)::text, 'receivable', trim_scale(f.receivable)::text) END AS offender
    FROM core.credit_grant AS g
    LEFT JOIN folded AS f ON f.customer_id = g.customer_id AND f.grant_no = g.grant_no
    LEFT JOIN core.grants_spent(p_customers, NULL) AS s ON s.customer_id = g.customer_id AND s.grant_no = g.grant_no
    WHERE p_customers IS NULL OR g.customer_id = ANY (p_customers)
  ), held AS (
    SELECT w.customer_id, CASE
      WHEN w.owed > w.overdraft_limit OR w.available < 0
        OR w.available <> coalesce(sum(g.remaining) FILTER (WHERE NOT g.is_scheduled), 0)
        OR w.scheduled <> coalesce(sum(g.remaining) FILTER (WHERE g.is_scheduled), 0)
      THEN jsonb_build_object('walletId', w.wallet_id, 'available', trim_scale(w.available)::text, 'scheduled', trim_scale(w.scheduled)::text,
        'owed', trim_scale(w.owed)::text, 'grants', trim_scale(coalesce(sum(g.remaining), 0))::text) END AS offender
    FROM core.wallet AS w
    LEFT JOIN core.credit_grant AS g ON g.customer_id = w.customer_id AND g.wallet_no = w.wallet_no
    WHERE p_customers IS NULL OR w.customer_id = ANY (p_customers)
    GROUP BY w.customer_id, w.wallet_no
  )
  SELECT 'grants', NULL, count(*), NULL::jsonb FROM compared
  UNION ALL (SELECT 'grants', c.customer_id, NULL, c.offender FROM compared AS c WHERE c.offender IS NOT NULL LIMIT 20)
  UNION ALL SELECT 'overspend', NULL, count(*), NULL::jsonb FROM held
  UNION ALL (SELECT 'overspend', h.customer_id, NULL, h.offender FROM held AS h WHERE h.offender IS NOT NULL LIMIT 20);
END
$$;
