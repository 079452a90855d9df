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
  ('GRANT_EXPIRED', '{AVAILABLE}', '{EXPIRED}', 'What was left of a grant expired.'),
  ('OVERDRAFT_REPAID', '{AVAILABLE}', '{OWED}', 'A grant that took effect paid what its wallet owed.'),
  ('CONSUME', '{AVAILABLE,OWED,SHORTFALL}', '{CONSUMED}', 'A usage event was charged: to a grant, to an overdraft, or to nobody.')
) AS kinds (kind, from_accounts, to_accounts, meaning);
