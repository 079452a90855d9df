-- Grants that wait for their payment, are changed or voided, or move to another wallet.

-- What was issued when a payment came; what was taken back; what moved from one wallet's grant to that of another, which is
-- numbered by the seq of the entry.
ALTER TYPE core.entry_kind ADD VALUE 'PAYMENT_RECEIVED' AFTER 'GRANT';
ALTER TYPE core.entry_kind ADD VALUE 'GRANT_VOIDED' AFTER 'GRANT_EXPIRED';
ALTER TYPE core.entry_kind ADD VALUE 'TRANSFER' AFTER 'OVERDRAFT_REPAID';

-- Not issued yet: it is on no account, and nothing of it can be burned, before its payment is received.
ALTER TABLE core.credit_grant ADD COLUMN is_pending boolean NOT NULL DEFAULT false;
-- What was left and not held was taken back then; what was held goes the same way when it is returned.
ALTER TABLE core.credit_grant ADD COLUMN voided_at timestamptz;
-- The grant of another wallet that this one is a part of.
ALTER TABLE core.credit_grant ADD COLUMN from_grant_no bigint;
-- NOT VALID spares a lock: the columns are new, so that no row is against it.
ALTER TABLE core.credit_grant ADD CONSTRAINT credit_grant_pending_is_not_issued
CHECK (NOT is_pending OR (remaining = 0 AND held = 0 AND NOT is_open)) NOT VALID;
ALTER TABLE core.credit_grant ADD CONSTRAINT credit_grant_voided_has_nothing_left CHECK (voided_at IS NULL OR remaining = 0) NOT VALID;
