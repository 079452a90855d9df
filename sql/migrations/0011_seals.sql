-- Seals: a hash chain over each customer's history, by seq, made off the hot path (core.seal).
--
-- The head of an operation is sha256 of the head before it and of the digests of all its rows (core.sealed_rows has
-- which tables those are, and how a row is digested), so it depends on nothing else: neither on when it was sealed nor on how the chain
-- is cut into rows. One row here is a span of up to 64 operations. It keeps the head of the last one, which proves, and a mark
-- for each row of history, which proves nothing and says which row it was that does not fit: eight bytes each.
--
--   a mark  6 bits of the operation's seq, 4 of its table, 17 of its place there (leg, counter, key), 36 of its digest
CREATE TABLE core.seal (
  from_seq    bigint      NOT NULL,
  to_seq      bigint      NOT NULL,
  -- That of its last operation: sealing goes on among the keys recorded since.
  recorded_at timestamptz NOT NULL,
  customer_id text        NOT NULL,
  head        bytea       NOT NULL,
  marks       bigint[]    NOT NULL,
  -- Two spans that begin at one place would be a fork.
  CONSTRAINT seal_pkey PRIMARY KEY (customer_id, from_seq),
  CONSTRAINT seal_begins_with_an_operation CHECK (from_seq > 0),
  CONSTRAINT seal_is_a_span CHECK (to_seq BETWEEN from_seq AND from_seq + 63),
  CONSTRAINT seal_head_is_sha256 CHECK (octet_length(head) = 32)
);
CREATE TRIGGER seal_is_immutable BEFORE UPDATE OR DELETE ON core.seal
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER seal_is_kept BEFORE TRUNCATE ON core.seal
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

-- What was recorded since the last seal, without reading all of a customer's keys: rows stand in the order of time, so that a range
-- of pages is enough to know. An index on the seq would cost every consumption a tenth of its bytes.
-- (CONCURRENTLY is not for partitioned tables, and nothing is deployed that these would hold up.)
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX idempotency_in_time ON core.idempotency USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize = on);
-- Which windows an operation began.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX counter_window_in_order ON core.counter_window (customer_id, from_seq);

-- Why a grant was voided, as it was said: it may name somebody, so history does not have it and it can be erased.
ALTER TABLE core.credit_grant ADD COLUMN void_reason text;
