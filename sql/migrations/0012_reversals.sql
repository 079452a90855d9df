-- Usage that is taken back, in whole or in part, and payments that were.

-- Credits that were spent of a grant whose payment was taken back. It grows as entries move credits out of it, as what is owed does.
ALTER TYPE core.account ADD VALUE 'RECEIVABLE' AFTER 'SHORTFALL';
ALTER TYPE core.entry_kind ADD VALUE 'REVERSAL' AFTER 'TRANSFER';
ALTER TYPE core.entry_kind ADD VALUE 'CHARGEBACK' AFTER 'REVERSAL';

-- The head row of a reversal: what it took back of a usage event. Immutable.
CREATE TABLE core.reversal (
  seq               bigint        NOT NULL,
  recorded_at       timestamptz   NOT NULL,
  event_seq         bigint        NOT NULL,
  event_recorded_at timestamptz   NOT NULL,
  -- The seq of its first entry: a grant is numbered by its seq, so that all but one of those it makes need a seq of their own.
  first_seq         bigint        NOT NULL,
  share             numeric(38,9) NOT NULL,
  customer_id       text          NOT NULL,
  -- What it took back of the event's, as the event says them.
  quantities        json          NOT NULL,
  credits           json,
  shortfall         json,
  -- What counters charged no longer count: [counter, amount, the seq at which they had counted it].
  counters          json,
  actor             text          NOT NULL,
  CONSTRAINT reversal_pkey PRIMARY KEY (customer_id, seq),
  CONSTRAINT reversal_takes_a_share CHECK (share > 0 AND share <= 1),
  CONSTRAINT reversal_ends_after_it_begins CHECK (first_seq <= seq AND event_seq < first_seq)
);
CREATE INDEX reversal_of_event ON core.reversal (customer_id, event_seq);
CREATE TRIGGER reversal_is_immutable BEFORE UPDATE OR DELETE ON core.reversal
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER reversal_is_kept BEFORE TRUNCATE ON core.reversal
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

-- Why, as it was said: it may name somebody, so history does not have it and it can be erased.
CREATE TABLE core.reversal_reason (
  customer_id text   NOT NULL,
  seq         bigint NOT NULL,
  reason      text   NOT NULL,
  CONSTRAINT reversal_reason_pkey PRIMARY KEY (customer_id, seq)
);

-- What becomes of credits whose grant has expired when their use is reversed: an adjustment, or nothing.
ALTER TABLE core.customer ADD COLUMN reversal_of_expired text NOT NULL DEFAULT 'ADJUSTMENT';
-- NOT VALID spares a lock: the columns are new, so that no row is against it.
ALTER TABLE core.customer ADD CONSTRAINT customer_reversal_of_expired_is_known CHECK (reversal_of_expired IN ('ADJUSTMENT', 'LAPSE')) NOT VALID;

ALTER TABLE core.wallet ADD COLUMN receivable numeric(38,9) NOT NULL DEFAULT 0;
ALTER TABLE core.wallet ADD CONSTRAINT wallet_receivable_in_range CHECK (receivable >= 0 AND receivable < 1e29) NOT VALID;
-- Its payment was taken back, so that what is spent of it is a receivable.
ALTER TABLE core.credit_grant ADD COLUMN charged_back_at timestamptz;
ALTER TABLE core.credit_grant ADD CONSTRAINT credit_grant_charged_back_is_voided CHECK (charged_back_at IS NULL OR voided_at IS NOT NULL) NOT VALID;
