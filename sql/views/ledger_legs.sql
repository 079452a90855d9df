-- report.ledger as debit and credit legs, two for each entry: what a general ledger takes in. Debits and credits are equal
-- for every entry, in units and in money.
--
-- Each leg names the grant whose account it is: a transfer debits the one it moves from and credits the one it makes; what is returned as an
-- adjustment debits what it was made of, if that was a grant, and credits the adjustment. So the legs of a lot that is over come to
-- exactly zero in deferred revenue.
CREATE OR REPLACE VIEW report.ledger_legs AS
SELECT
  l.customer_id,
  l.month,
  l.seq,
  l.leg,
  s.side,
  l.recorded_at,
  l.effective_at,
  l.kind,
  s.account,
  c.money_account,
  s.wallet_id,
  l.credit_type,
  CASE
    WHEN s.side = 'CREDIT' THEN coalesce(l.to_grant_id, l.grant_id)
    WHEN a.grant_no IS NOT NULL THEN a.from_grant_no::text
    ELSE l.grant_id
  END AS grant_id,
  CASE WHEN s.side = 'DEBIT' THEN l.units ELSE 0 END AS units_debit,
  CASE WHEN s.side = 'CREDIT' THEN l.units ELSE 0 END AS units_credit,
  s.balance_after,
  l.actor,
  l.source,
  l.currency,
  CASE WHEN s.side = 'DEBIT' THEN l.money ELSE l.money * 0 END AS money_debit,
  CASE WHEN s.side = 'CREDIT' THEN l.money ELSE l.money * 0 END AS money_credit,
  l.effective_month
FROM report.ledger AS l
CROSS JOIN LATERAL (VALUES
  ('DEBIT', l.from_account, l.from_wallet_id, l.from_balance_after),
  ('CREDIT', l.to_account, l.to_wallet_id, l.to_balance_after)
) AS s (side, account, wallet_id, balance_after)
INNER JOIN report.chart_of_accounts AS c ON c.account = s.account
-- The adjustment that an entry makes.
LEFT JOIN core.credit_grant AS a
  ON a.customer_id = l.customer_id AND a.grant_no = l.seq AND l.grant_id = l.seq::text AND l.kind IN ('RELEASE', 'REVERSAL');
