-- Every wallet as it stands now. What time has brought counts, booked or not: a grant that has taken effect or expired, a hold that
-- ran out. Ask for one customer or all.
CREATE OR REPLACE VIEW report.balances AS
SELECT
  w.customer_id,
  w.wallet_id,
  e.entity_id,
  w.credit_type,
  w.scheduled + coalesce(d.scheduled, 0) AS scheduled,
  w.available + coalesce(d.available, 0) AS available,
  w.held + coalesce(d.held, 0) AS held,
  w.leased,
  w.available + coalesce(d.available, 0) + w.held + coalesce(d.held, 0) + w.leased AS settled,
  w.owed + coalesce(d.owed, 0) AS owed,
  w.shortfall,
  w.receivable,
  w.overdraft_limit,
  k.seq,
  greatest(c.now, k.last_at) AS as_of
FROM core.wallet AS w
INNER JOIN core.gate AS k ON k.customer_id = w.customer_id
INNER JOIN core.entity AS e ON e.customer_id = w.customer_id AND e.entity_no = w.entity_no
CROSS JOIN core.report_clock() AS c (now)
LEFT JOIN (
  -- Once for each customer, and only where something is due.
  SELECT g.customer_id, t.*
  FROM core.gate AS g
  CROSS JOIN core.report_clock() AS c (now)
  CROSS JOIN LATERAL core.report_wallet_dues(g.customer_id) AS t
  WHERE g.next_due_at <= greatest(c.now, g.last_at)
) AS d ON d.customer_id = w.customer_id AND d.wallet_no = w.wallet_no;
