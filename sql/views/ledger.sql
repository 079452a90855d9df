-- The ledger for people: every movement with ids instead of numbers, who made it and on what ground, and its money at cost
-- basis.
--
-- A grant is a lot. Of its money has gone, after each movement, what has gone of its units times the cost basis, rounded half
-- up to the currency's smallest unit; a movement's money is the difference it makes to that. So no rounding adds up, a lot closes
-- to exactly zero in whatever order, and the last unit takes the residue. What stays within deferred revenue (a hold, a
-- release, the beginning of a grant) moves units and no money, unless it moves to another wallet: then a part of the lot goes
-- there, with its money. What a reversal makes a grant of its own is a lot that begins there; what it takes from one account of what has gone to
-- another has the money of the last units that went. A chargeback has the money that was recognised of its grant until then, and of what is
-- settled later the money of that.
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
  CASE
    -- The first entry of its operation; where a settlement makes one, it follows that.
    WHEN l.kind::text = 'CHARGEBACK' AND l.leg = 1 THEN core.recognised_money(l.customer_id, l.grant_no, l.seq)
    WHEN l.from_account = 'ISSUED' OR (l.kind::text = 'REVERSAL' AND l.grant_no = l.seq) THEN round(g.cost_basis * l.amount, coalesce(c.decimals, 2))
    ELSE abs(
      round(g.cost_basis * (coalesce(g.lot_offset, 0) + l.gone), coalesce(c.decimals, 2))
      - round(g.cost_basis * (coalesce(g.lot_offset, 0) + l.gone - CASE
        WHEN l.from_account::text IN ('CONSUMED', 'RECEIVABLE') AND l.goes = 0 THEN l.amount ELSE l.goes END), coalesce(c.decimals, 2)))
  END AS money,
  CASE WHEN l.kind::text = 'TRANSFER' THEN l.seq::text END AS to_grant_id,
  date_trunc('month', coalesce(l.effective_at, l.recorded_at) AT TIME ZONE 'UTC')::date AS effective_month
FROM (
  -- What has gone of the grant after the entry.
  SELECT
    e.*,
    sum(e.goes + CASE WHEN e.place = 1 AND e.grant_no IS NOT NULL THEN coalesce(
      (SELECT og.gone FROM core.opening_grant AS og
        WHERE og.customer_id = e.customer_id AND og.month = e.month AND og.grant_no = e.grant_no),
      -- Where the month was opened, what has no row was made since, or was gone already.
      (SELECT CASE WHEN g.created_at >= e.month::timestamp AT TIME ZONE 'UTC' THEN 0 ELSE g.amount END
        FROM core.credit_grant AS g INNER JOIN core.customer_month AS m ON m.customer_id = g.customer_id AND m.month = e.month
        WHERE g.customer_id = e.customer_id AND g.grant_no = e.grant_no),
      (SELECT sum(CASE
          WHEN p.from_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN
            CASE WHEN p.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') AND p.from_wallet_no = p.to_wallet_no THEN 0 ELSE p.amount END
          WHEN p.kind::text = 'REVERSAL' AND p.grant_no = p.seq THEN 0
          WHEN p.from_account <> 'ISSUED' AND p.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN -p.amount
          ELSE 0 END)
        FROM core.ledger_entry AS p
        WHERE p.customer_id = e.customer_id AND p.grant_no = e.grant_no AND p.recorded_at < e.month::timestamp AT TIME ZONE 'UTC'),
      0) ELSE 0 END) OVER (PARTITION BY e.customer_id, e.month, e.grant_no ORDER BY e.seq, e.leg) AS gone
  FROM (
    SELECT
      b.*,
      row_number() OVER (PARTITION BY b.customer_id, b.month, b.grant_no ORDER BY b.seq, b.leg) AS place
    FROM (
      SELECT
        i.*,
        date_trunc('month', i.recorded_at AT TIME ZONE 'UTC')::date AS month,
        -- How much goes of the grant: leaves deferred revenue, or its wallet. What is reversed comes back.
        CASE
          WHEN i.from_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN
            CASE WHEN i.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') AND i.from_wallet_no = i.to_wallet_no THEN 0 ELSE i.amount END
          WHEN i.kind::text = 'REVERSAL' AND i.grant_no = i.seq THEN 0
          WHEN i.from_account <> 'ISSUED' AND i.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN -i.amount
          ELSE 0
        END AS goes
      FROM core.ledger_entry AS i
    ) AS b
  ) AS e
) AS l
LEFT JOIN core.wallet AS f ON f.customer_id = l.customer_id AND f.wallet_no = l.from_wallet_no
LEFT JOIN core.wallet AS t ON t.customer_id = l.customer_id AND t.wallet_no = l.to_wallet_no
LEFT JOIN core.entity AS h ON h.customer_id = f.customer_id AND h.entity_no = f.entity_no
LEFT JOIN core.credit_grant AS g ON g.customer_id = l.customer_id AND g.grant_no = l.grant_no
LEFT JOIN report.currencies AS c ON c.currency = g.currency
LEFT JOIN core.ledger_origin AS o ON o.customer_id = l.customer_id AND o.seq = l.seq
LEFT JOIN core.usage_event AS u ON u.customer_id = l.customer_id AND u.seq = l.seq AND u.recorded_at = l.recorded_at
LEFT JOIN core.change AS n ON n.customer_id = l.customer_id AND n.seq = l.seq
LEFT JOIN core.reservation_step AS s ON s.customer_id = l.customer_id AND s.seq = l.seq
LEFT JOIN core.reservation AS r ON r.customer_id = s.customer_id AND r.reservation_no = s.reservation_no
LEFT JOIN core.entity AS a ON a.customer_id = l.customer_id AND a.entity_no = (coalesce(u.path, r.path) ->> 0)::integer;
