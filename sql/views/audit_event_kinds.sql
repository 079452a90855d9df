-- The kinds of changes there are, one row each, and what their subject is: of a customer's (core.change) or of the installation's
-- (core.installation_change). Where a subject is recorded by number, report.audit_events has its id, and for a suspended customer
-- the type CUSTOMER.
CREATE OR REPLACE VIEW report.audit_event_kinds AS
SELECT
  kind,
  subject_type,
  meaning
FROM (VALUES
  ('CUSTOMER', 'CUSTOMER', 'A customer was made, or its wallets or policies were changed.'),
  ('SUSPENSION', 'ENTITY', 'A customer or an entity was suspended, or goes on.'),
  ('ENTITY_CREATED', 'ENTITY', 'An entity was made, by an administrator or by the policy for unknown ones.'),
  ('ENTITY', 'ENTITY', 'An entity, or its wallets, were changed.'),
  ('ENTITY_MOVED', 'ENTITY', 'An entity was moved, with everything below it.'),
  ('ENTITY_ARCHIVED', 'ENTITY', 'An entity was archived, with those that stand in after.'),
  ('ENTITY_UNARCHIVED', 'ENTITY', 'An entity was brought back.'),
  ('ENTITY_ERASED', 'ENTITY', 'An entity was forgotten.'),
  ('BUDGET', 'BUDGET', 'A budget was set, changed, paused, resumed or archived: each is a version of it.'),
  ('RAISE', 'BUDGET', 'A budget was raised for a time.'),
  ('RAISE_ENDED', 'BUDGET', 'A raise ended.'),
  ('GRANT_PENDING', 'GRANT', 'A grant was made that waits for its payment.'),
  ('GRANT_UPDATED', 'GRANT', 'Dates or priority of a grant were changed, or its payment was received.'),
  ('GRANT_VOIDED', 'GRANT', 'What was left of a grant was taken back.'),
  ('TRANSFER', 'WALLET', 'Credits were moved out of this wallet to another one.'),
  ('CREDIT_TYPE', 'CREDIT_TYPE', 'A credit type was made or renamed.'),
  ('FEATURE', 'FEATURE', 'A feature was made or changed.'),
  ('RATES', 'FEATURE', 'Rates of a feature were set.'),
  ('API_KEY', 'API_KEY', 'A key was made, rotated or revoked.'),
  ('INCARNATION', 'INCARNATION', 'After a restore or failover, the history was declared to go on.'),
  ('MONTH', 'MONTH', 'A month was closed.')
) AS kinds (kind, subject_type, meaning);
