-- What administrators do to keys, budgets and entities, and how it is read again.

-- Secrets that a key had before it was rotated. Each works on until its overlap ends; its row stays, so that whoever still uses
-- it is told that it has expired, and so that no other key takes its hash.
CREATE TABLE core.former_secret (
  secret_hash bytea       NOT NULL,
  key_id      text        NOT NULL,
  prefix      text        NOT NULL,
  works_until timestamptz NOT NULL,
  CONSTRAINT former_secret_pkey PRIMARY KEY (secret_hash),
  CONSTRAINT former_secret_is_sha256 CHECK (octet_length(secret_hash) = 32)
);
CREATE INDEX former_secret_of_key ON core.former_secret (key_id, works_until);

-- A budget that was archived never counts again, and its id stays taken. What is only paused has is_active alone.
ALTER TABLE core.budget ADD COLUMN archived_at timestamptz;
-- (To validate it apart would need a migration of its own, and nothing is deployed that this would hold up.)
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE core.budget ADD CONSTRAINT budget_archived_never_counts CHECK (archived_at IS NULL OR NOT is_active);

-- Changes by time, of one customer and of all. No consumption writes a change, but one that makes an entity.
-- (CONCURRENTLY would need a migration of its own, and nothing is deployed that these would hold up.)
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX change_of_customer_in_time ON core.change (customer_id, recorded_at, seq);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX change_in_time ON core.change (recorded_at, customer_id, seq);
