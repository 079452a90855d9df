-- Grants have the terms that their history says: each change began with what the one before it ended with, the first of all with those with
-- which the grant was made, and the last ended with those of the row; those are void that were voided, and charged back that were charged back. And a transfer moved what it says: its parts follow one another up to it, each to a grant of the other wallet
-- that is as large and has the terms of the one it came from, and none stands alone.
CREATE OR REPLACE FUNCTION core.verify_terms(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  -- Those that nothing changes; core.verify_granted has them.
  c_fixed CONSTANT text[] := '{walletNo,fromGrantNo,lotOffset,amount,kind,features,costBasis,currency,source,createdAt}';
BEGIN
  RETURN QUERY
  WITH told AS (
    SELECT o.customer_id, o.seq AS grant_no, o.seq, NULL::jsonb AS before, o.terms AS after FROM core.ledger_origin AS o
    WHERE o.terms IS NOT NULL AND (p_customers IS NULL OR o.customer_id = ANY (p_customers))
    UNION ALL
    SELECT r.customer_id, r.seq, r.seq, NULL, r.terms FROM core.returned_terms(p_customers) AS r
    UNION ALL
    SELECT c.customer_id, c.subject::bigint AS grant_no, c.seq, c.before, c.after FROM core.change AS c
    WHERE c.kind IN ('GRANT_PENDING', 'GRANT_UPDATED') AND (p_customers IS NULL OR c.customer_id = ANY (p_customers))
    UNION ALL
    SELECT g.customer_id, g.grant_no, 9223372036854775807, core.grant_terms_json(g), NULL FROM core.credit_grant AS g
    WHERE p_customers IS NULL OR g.customer_id = ANY (p_customers)
  ), stepped AS (
    SELECT t.*, lag(t.after) OVER (PARTITION BY t.customer_id, t.grant_no ORDER BY t.seq) - c_fixed AS was FROM told AS t
  ), voided AS (
    SELECT customer_id, grant_no, c.seq
    FROM (SELECT g.customer_id, g.grant_no, g.voided_at FROM core.credit_grant AS g
          WHERE g.voided_at IS NOT NULL AND (p_customers IS NULL OR g.customer_id = ANY (p_customers))) AS g
    FULL JOIN (SELECT c.customer_id, c.subject::bigint AS grant_no, c.recorded_at AS voided_at, c.seq FROM core.change AS c
               WHERE c.kind = 'GRANT_VOIDED' AND (p_customers IS NULL OR c.customer_id = ANY (p_customers))) AS c
      USING (customer_id, grant_no, voided_at)
    WHERE g.voided_at IS NULL OR c.seq IS NULL
  ), charged_back AS (
    SELECT customer_id, grant_no, c.seq
    FROM (SELECT g.customer_id, g.grant_no, g.charged_back_at FROM core.credit_grant AS g
          WHERE g.charged_back_at IS NOT NULL AND (p_customers IS NULL OR g.customer_id = ANY (p_customers))) AS g
    FULL JOIN (SELECT c.customer_id, c.subject::bigint AS grant_no, c.recorded_at AS charged_back_at, c.seq FROM core.change AS c
               WHERE c.kind IN ('GRANT_VOIDED', 'GRANT_CHARGED_BACK') AND c.after ? 'receivable' AND (p_customers IS NULL OR c.customer_id = ANY (p_customers))) AS c
      USING (customer_id, grant_no, charged_back_at)
    WHERE g.charged_back_at IS NULL OR c.seq IS NULL
  ), moved AS (
    SELECT e.customer_id, e.seq, e.grant_no, e.amount, e.from_wallet_no, e.to_wallet_no, e.from_account, e.to_account
    FROM core.ledger_entry AS e
    WHERE e.kind = 'TRANSFER' AND (p_customers IS NULL OR e.customer_id = ANY (p_customers))
  ), whole AS (
    SELECT c.customer_id, c.seq, c.after, count(m.seq) AS parts, sum(m.amount) AS amount
    FROM core.change AS c
    LEFT JOIN moved AS m ON m.customer_id = c.customer_id AND m.seq BETWEEN c.seq - (c.after ->> 'parts')::bigint + 1 AND c.seq
      AND m.from_wallet_no = (c.after ->> 'fromWalletNo')::integer AND m.to_wallet_no = (c.after ->> 'toWalletNo')::integer
    WHERE c.kind = 'TRANSFER' AND (p_customers IS NULL OR c.customer_id = ANY (p_customers))
    GROUP BY c.customer_id, c.seq, c.after
  ), part AS (
    SELECT m.customer_id, m.seq, m.grant_no, p.grant_no AS part_no,
           m.from_account = 'AVAILABLE' AND m.to_account = 'AVAILABLE' AND l.wallet_no = m.from_wallet_no AND p.wallet_no = m.to_wallet_no
             AND f.credit_type = t.credit_type AND p.amount = m.amount
             AND (p.grant_kind, p.features, p.cost_basis, p.currency) IS NOT DISTINCT FROM (l.grant_kind, l.features, l.cost_basis, l.currency) AS is_alike
    FROM moved AS m
    LEFT JOIN core.credit_grant AS l ON l.customer_id = m.customer_id AND l.grant_no = m.grant_no
    LEFT JOIN core.credit_grant AS p ON p.customer_id = m.customer_id AND p.grant_no = m.seq AND p.from_grant_no = m.grant_no
    LEFT JOIN core.wallet AS f ON f.customer_id = m.customer_id AND f.wallet_no = m.from_wallet_no
    LEFT JOIN core.wallet AS t ON t.customer_id = m.customer_id AND t.wallet_no = m.to_wallet_no
  )
  SELECT 'terms', NULL, (SELECT count(*) FROM told) + (SELECT count(*) FROM moved), NULL::jsonb
  UNION ALL (SELECT 'terms', s.customer_id, NULL, jsonb_build_object('grantId', s.grant_no::text, 'was', s.was, 'is', s.before)
             FROM stepped AS s WHERE s.was IS NOT NULL AND s.was <> s.before LIMIT 20)
  UNION ALL (SELECT 'terms', v.customer_id, NULL, jsonb_build_object('grantId', v.grant_no::text, 'isVoidedAt', v.seq) FROM voided AS v LIMIT 20)
  UNION ALL (SELECT 'terms', c.customer_id, NULL, jsonb_build_object('grantId', c.grant_no::text, 'isChargedBackAt', c.seq) FROM charged_back AS c LIMIT 20)
  UNION ALL (SELECT 'terms', p.customer_id, NULL, jsonb_build_object('seq', p.seq, 'from', p.grant_no::text, 'to', p.part_no::text)
             FROM part AS p WHERE p.is_alike IS NOT TRUE LIMIT 20)
  UNION ALL (SELECT 'terms', w.customer_id, NULL, jsonb_build_object('seq', w.seq, 'transfer', w.after, 'moved', trim_scale(w.amount)::text, 'parts', w.parts)
             FROM whole AS w WHERE w.parts <> (w.after ->> 'parts')::bigint OR w.amount IS DISTINCT FROM (w.after ->> 'amount')::numeric LIMIT 20)
  UNION ALL (SELECT 'terms', g.customer_id, NULL, jsonb_build_object('grantId', g.grant_no::text, 'from', g.from_grant_no::text)
             FROM core.credit_grant AS g WHERE g.from_grant_no IS NOT NULL AND (p_customers IS NULL OR g.customer_id = ANY (p_customers))
               AND NOT EXISTS (SELECT FROM moved AS m WHERE m.customer_id = g.customer_id AND m.seq = g.grant_no)
               AND NOT EXISTS (SELECT FROM core.ledger_entry AS e WHERE e.customer_id = g.customer_id AND e.seq = g.grant_no AND e.grant_no = g.grant_no AND e.kind = 'REVERSAL') LIMIT 20)
  UNION ALL (SELECT 'terms', m.customer_id, NULL, jsonb_build_object('partsMoved', m.parts, 'partsOfTransfers', w.parts)
             FROM (SELECT m.customer_id, count(*) AS parts FROM moved AS m GROUP BY m.customer_id) AS m
             LEFT JOIN (SELECT w.customer_id, sum(w.parts) AS parts FROM whole AS w GROUP BY w.customer_id) AS w ON w.customer_id = m.customer_id
             WHERE w.parts IS DISTINCT FROM m.parts LIMIT 20);
END
$$;
