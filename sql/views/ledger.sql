-- The ledger for people: every movement with ids instead of numbers, who made it and on what ground, and its money at cost
-- basis.
--
-- A grant is a lot, and its credits lie in a row; those between two places have the cost basis times the one, rounded half up to the
-- currency's smallest unit, less the same of the other. What is spent goes from the front, and what is spent last is the first to come back; what
-- expires, is taken back or moves to another wallet goes from the end. What was spent and is taken back into none of the lot (void, expired,
-- charged back, an adjustment) goes from the front of what is spent. So each account of a lot has credits that lie together, no rounding
-- adds up, an account without credits has no money, and the last unit takes the residue, in whatever order.
--
-- What stays within deferred revenue (a hold, a release, the beginning of a grant) moves units and no money, unless it moves to another wallet:
-- then a part of the lot goes there, and keeps its place in the row (lot_offset), as an adjustment does. A chargeback has the money of all that
-- is spent of its grant then, and of what is settled later the money of that.
--
-- Ask for one customer, one month, or both: the sums are then of that alone, and begin with the month's opening. A month has
-- what was recorded in it, so that nothing is added to one that is over; effective_month is when a movement took effect, which is earlier for what
-- was due and booked later, and is complete once that month is closed. Who asks for an effective_month does well to add that month is not before it.
CREATE OR REPLACE VIEW report.ledger AS
SELECT
  l.customer_id,
  l.month,
  l.seq,
  l.leg,
  l.recorded_at,
  coalesce(l.effective_at, l.recorded_at) AS effective_at,
  coalesce(u.occurred_at, l.recorded_at) AS occurred_at,
  l.kind::text AS kind,
  l.from_account::text AS from_account,
  l.to_account::text AS to_account,
  f.wallet_id AS from_wallet_id,
  t.wallet_id AS to_wallet_id,
  h.entity_id,
  f.credit_type,
  l.grant_no::text AS grant_id,
  l.amount AS units,
  l.from_balance_after,
  l.to_balance_after,
  CASE
    WHEN coalesce(o.actor, n.actor) IS NOT NULL THEN coalesce(o.actor, n.actor)
    WHEN l.effective_at IS NOT NULL THEN 'clock'
    WHEN coalesce(u.path, r.path) IS NULL THEN NULL
    WHEN (coalesce(u.path, r.path) ->> 0) = '0' THEN 'customer'
    ELSE 'entity:' || coalesce(a.entity_id, '')
  END AS actor,
  CASE
    WHEN u.seq IS NOT NULL THEN 'usage:' || u.seq::text
    WHEN s.seq IS NOT NULL THEN 'reservation:' || s.reservation_no::text
    WHEN coalesce(o.actor, n.actor) IS NOT NULL THEN coalesce(o.source, g.source)
    WHEN l.effective_at IS NOT NULL THEN 'grant:' || l.grant_no::text
    WHEN l.from_account = 'ISSUED' THEN g.source
  END AS source,
  CASE WHEN g.cost_basis IS NOT NULL THEN g.currency END AS currency,
  round(g.cost_basis * (coalesce(g.lot_offset, 0) + p.upto), coalesce(c.decimals, 2))
  - round(g.cost_basis * (coalesce(g.lot_offset, 0) + p.upto - CASE WHEN l.stays THEN 0 ELSE l.amount END), coalesce(c.decimals, 2)) AS money,
  CASE WHEN l.kind::text = 'TRANSFER' THEN l.seq::text END AS to_grant_id,
  date_trunc('month', coalesce(l.effective_at, l.recorded_at) AT TIME ZONE 'UTC')::date AS effective_month
FROM (
  -- What has gone of the lot after the entry, what of that went from its end, and what was returned from the front of what was spent.
  SELECT
    e.*,
    sum(e.goes + CASE WHEN e.place = 1 AND e.lot IS NOT NULL THEN coalesce(
      (SELECT og.gone FROM core.opening_grant AS og
        WHERE og.customer_id = e.customer_id AND og.month = e.month AND og.grant_no = e.lot),
      -- Where the month was opened, what has no row was made since, or was gone already.
      (SELECT CASE WHEN g.created_at >= e.month::timestamp AT TIME ZONE 'UTC' THEN 0 ELSE g.amount END
        FROM core.credit_grant AS g INNER JOIN core.customer_month AS m ON m.customer_id = g.customer_id AND m.month = e.month
        WHERE g.customer_id = e.customer_id AND g.grant_no = e.lot),
      (SELECT sum(p.goes) FROM core.entry_effect AS p
        WHERE p.customer_id = e.customer_id AND p.grant_no = e.lot AND p.recorded_at < e.month::timestamp AT TIME ZONE 'UTC'),
      0) ELSE 0 END) OVER w AS gone_after,
    sum(e.apart + CASE WHEN e.place = 1 AND e.lot < e.seq THEN (core.lot_ends(e.customer_id, e.lot, e.seq, e.recorded_at)).apart ELSE 0 END)
      OVER w AS apart_after,
    sum(e.returned + CASE WHEN e.place = 1 AND e.lot < e.seq THEN (core.lot_ends(e.customer_id, e.lot, e.seq, e.recorded_at)).returned ELSE 0 END)
      OVER w AS returned_after
  FROM (
    SELECT
      b.*,
      row_number() OVER (PARTITION BY b.customer_id, b.month, b.lot ORDER BY b.seq, b.leg) AS place
    FROM (SELECT i.*, date_trunc('month', i.recorded_at AT TIME ZONE 'UTC')::date AS month FROM core.entry_effect AS i) AS b
  ) AS e
  WINDOW w AS (PARTITION BY e.customer_id, e.month, e.lot ORDER BY e.seq, e.leg)
) AS l
LEFT JOIN core.wallet AS f ON f.customer_id = l.customer_id AND f.wallet_no = l.from_wallet_no
LEFT JOIN core.wallet AS t ON t.customer_id = l.customer_id AND t.wallet_no = l.to_wallet_no
LEFT JOIN core.entity AS h ON h.customer_id = f.customer_id AND h.entity_no = f.entity_no
LEFT JOIN core.credit_grant AS g ON g.customer_id = l.customer_id AND g.grant_no = l.grant_no
LEFT JOIN report.currencies AS c ON c.currency = g.currency
CROSS JOIN LATERAL (
  -- The place of the last credit that moves, counted from the lot's first.
  SELECT CASE
    WHEN l.from_account = 'ISSUED' OR l.adjusts THEN l.amount
    WHEN l.apart > 0 THEN g.amount - l.apart_after + l.amount
    WHEN l.returned > 0 THEN l.returned_after
    ELSE l.gone_after - l.apart_after - least(l.goes, 0)
  END AS upto
) AS p
LEFT JOIN core.ledger_origin AS o ON o.customer_id = l.customer_id AND o.seq = l.seq
LEFT JOIN core.usage_event AS u ON u.customer_id = l.customer_id AND u.seq = l.seq AND u.recorded_at = l.recorded_at
LEFT JOIN core.change AS n ON n.customer_id = l.customer_id AND n.seq = l.seq
LEFT JOIN core.reservation_step AS s ON s.customer_id = l.customer_id AND s.seq = l.seq
LEFT JOIN core.reservation AS r ON r.customer_id = s.customer_id AND r.reservation_no = s.reservation_no
LEFT JOIN core.entity AS a ON a.customer_id = l.customer_id AND a.entity_no = (coalesce(u.path, r.path) ->> 0)::integer;
