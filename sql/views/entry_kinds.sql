-- The kinds of movements there are, one row each, and which accounts each may join: any of the first with any of the second.
-- `controlplane verify` holds every entry to it.
CREATE OR REPLACE VIEW report.entry_kinds AS
SELECT
  kind,
  from_accounts,
  to_accounts,
  meaning
FROM (VALUES
  ('GRANT', '{ISSUED}'::text [], '{SCHEDULED,AVAILABLE}'::text [], 'A lot of credits was granted.'),
  ('GRANT_EFFECTIVE', '{SCHEDULED}', '{AVAILABLE}', 'A grant took effect.'),
  ('GRANT_EXPIRED', '{AVAILABLE,HELD}', '{EXPIRED}', 'What was left of a grant expired, or came back to it after that.'),
  ('OVERDRAFT_REPAID', '{AVAILABLE}', '{OWED}', 'A grant that took effect paid what its wallet owed.'),
  ('CONSUME', '{AVAILABLE,OWED,SHORTFALL}', '{CONSUMED}', 'A usage event was charged: to a grant, to an overdraft, or to nobody.'),
  ('RESERVE', '{AVAILABLE,SCHEDULED,OWED}', '{HELD}', 'A reservation holds it: of a grant, or of an overdraft.'),
  ('SETTLE', '{HELD}', '{CONSUMED}', 'What was held was used.'),
  ('RELEASE', '{HELD}', '{AVAILABLE,OWED}', 'What was held came back, unused.'),
  ('PAYMENT_RECEIVED', '{ISSUED}', '{SCHEDULED,AVAILABLE}', 'A grant that waited for its payment was granted.'),
  ('GRANT_VOIDED', '{SCHEDULED,AVAILABLE,HELD}', '{VOIDED}', 'What was left of a grant was taken back.'),
  ('TRANSFER', '{AVAILABLE}', '{AVAILABLE}', 'Part of a grant moved to another wallet, where it is a grant of its own.'),
  ('REVERSAL', '{CONSUMED}', '{AVAILABLE,OWED,SHORTFALL,RECEIVABLE,EXPIRED,VOIDED}',
    'Usage was taken back: the credits return to where they came from, or become a grant of their own.'),
  ('CHARGEBACK', '{RECEIVABLE}', '{VOIDED}', 'What was spent of a grant whose payment was taken back is owed now.')
) AS kinds (kind, from_accounts, to_accounts, meaning);
