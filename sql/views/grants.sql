-- Every grant with its terms, and where it stands now. What time has brought counts, booked or not. What was moved of one to another
-- wallet, or came back after it had expired, is a grant of its own that names it in from_grant_id.
CREATE OR REPLACE VIEW report.grants AS
SELECT
  g.customer_id,
  g.grant_no::text AS grant_id,
  w.wallet_id,
  e.entity_id,
  w.credit_type,
  g.grant_kind AS kind,
  n.status,
  g.priority,
  g.effective_at,
  CASE WHEN g.expires_at < 'infinity' THEN g.expires_at END AS expires_at,
  g.features AS feature_ids,
  g.amount,
  n.remaining,
  n.held,
  g.cost_basis,
  g.currency,
  g.source,
  g.from_grant_no::text AS from_grant_id,
  g.created_at,
  g.voided_at,
  g.charged_back_at,
  n.as_of
FROM core.credit_grant AS g
INNER JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
INNER JOIN core.entity AS e ON e.customer_id = w.customer_id AND e.entity_no = w.entity_no
INNER JOIN core.gate AS k ON k.customer_id = g.customer_id
CROSS JOIN core.report_clock() AS c (now)
LEFT JOIN (
  -- Once for each customer, and only where something is due.
  SELECT o.customer_id, t.*
  FROM core.gate AS o
  CROSS JOIN core.report_clock() AS c (now)
  CROSS JOIN LATERAL core.report_grant_dues(o.customer_id, greatest(c.now, o.last_at)) AS t
  WHERE o.next_due_at <= greatest(c.now, o.last_at)
) AS d ON d.customer_id = g.customer_id AND d.grant_no = g.grant_no
CROSS JOIN LATERAL (
  SELECT
    a.as_of,
    CASE WHEN g.expires_at <= a.as_of THEN 0 ELSE coalesce(d.remaining, g.remaining) END AS remaining,
    coalesce(d.held, g.held) AS held
  FROM (SELECT greatest(c.now, k.last_at) AS as_of) AS a
) AS r
CROSS JOIN LATERAL (
  SELECT r.as_of, r.remaining, r.held, core.grant_status(g, r.remaining, r.held, r.as_of) AS status
) AS n;
