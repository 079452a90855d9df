-- The accounts there are, one row each. An entry is a debit of the account it comes from and a credit of the one it goes
-- to. Money stands on `money_account`: what moves within one of these moves no money.
CREATE OR REPLACE VIEW report.chart_of_accounts AS
SELECT
  account,
  is_bounded,
  statement,
  increases_on,
  money_account,
  meaning
FROM (VALUES
  (1, 'SCHEDULED', true, 'LIABILITY', 'CREDIT', 'DEFERRED_REVENUE', 'Granted and not effective yet.'),
  (2, 'AVAILABLE', true, 'LIABILITY', 'CREDIT', 'DEFERRED_REVENUE', 'Granted, effective and unspent.'),
  (3, 'HELD', true, 'LIABILITY', 'CREDIT', 'DEFERRED_REVENUE', 'Held by reservations, for requests whose cost is not known yet.'),
  (4, 'LEASED', true, 'LIABILITY', 'CREDIT', 'DEFERRED_REVENUE', 'Leased to sidecars, who spend it and report.'),
  (5, 'OWED', true, 'ASSET', 'DEBIT', 'RECOGNISED_REVENUE',
    'Consumed on overdraft: the next grant repays it. It has no money of its own: what repays it is recognised then, at the cost basis of that grant.'),
  (6, 'SHORTFALL', true, 'ASSET', 'DEBIT', 'RECOGNISED_REVENUE', 'Consumed and recorded although nothing paid for it; nothing repays it, so it has no money.'),
  (7, 'RECEIVABLE', true, 'ASSET', 'DEBIT', 'RECEIVABLE', 'Spent of grants whose payment was taken back: the customer is to pay it again.'),
  (8, 'ISSUED', false, 'ASSET', 'DEBIT', 'BILLED', 'Where grants come from: what customers paid, or shall pay, for them.'),
  (9, 'CONSUMED', false, 'INCOME', 'CREDIT', 'RECOGNISED_REVENUE', 'Spent: revenue is recognised.'),
  (10, 'EXPIRED', false, 'INCOME', 'CREDIT', 'BREAKAGE', 'Expired unspent: revenue without a service.'),
  (11, 'VOIDED', false, 'LIABILITY', 'CREDIT', 'REFUNDABLE', 'Taken back: what was paid for it is the customer''s again.')
) AS chart (place, account, is_bounded, statement, increases_on, money_account, meaning)
ORDER BY place;
