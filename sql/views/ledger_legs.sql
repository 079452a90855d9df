-- report.ledger as debit and credit legs, two for each entry: what a general ledger takes in. Debits and credits are equal
-- for every entry, in units and in money.
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
  l.grant_id,
  CASE WHEN s.side = 'DEBIT' THEN l.units ELSE 0 END AS units_debit,
  CASE WHEN s.side = 'CREDIT' THEN l.units ELSE 0 END AS units_credit,
  s.balance_after,
  l.actor,
  l.source,
  l.currency,
  CASE WHEN s.side = 'DEBIT' THEN l.money ELSE l.money * 0 END AS money_debit,
  CASE WHEN s.side = 'CREDIT' THEN l.money ELSE l.money * 0 END AS money_credit
FROM report.ledger AS l
CROSS JOIN LATERAL (VALUES
  ('DEBIT', l.from_account, l.from_wallet_id, l.from_balance_after),
  ('CREDIT', l.to_account, l.to_wallet_id, l.to_balance_after)
) AS s (side, account, wallet_id, balance_after)
INNER JOIN report.chart_of_accounts AS c ON c.account = s.account;
