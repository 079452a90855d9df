-- What happened: append only. No role may change these rows (grants.sql), a trigger refuses even the
-- owner, and what a seq did stands on exactly one head row: a usage event, a first ledger entry or a change.
--
-- Columns stand by their width, the widest first and text last, since padding is stored and logged with every row.

CREATE TYPE core.account AS ENUM (
  -- bounded: the columns of core.wallet
  'SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED', 'OWED', 'SHORTFALL',
  -- unbounded: never updated in place, only folded
  'ISSUED', 'CONSUMED', 'EXPIRED', 'VOIDED'
);
COMMENT ON TYPE core.account IS 'Where credits are or have gone. Bounded accounts stand on core.wallet and carry a balance after each entry; unbounded ones are the fold of their entries.';

CREATE TYPE core.entry_kind AS ENUM ('GRANT', 'GRANT_EFFECTIVE', 'GRANT_EXPIRED', 'OVERDRAFT_REPAID', 'CONSUME');
COMMENT ON TYPE core.entry_kind IS 'What moved credits.';

CREATE TABLE core.ledger_entry (
  seq                bigint          NOT NULL,
  recorded_at        timestamptz     NOT NULL,
  -- When it took effect, if not when it was recorded (a due event booked late).
  effective_at       timestamptz,
  grant_no           bigint,
  from_wallet_no     integer         NOT NULL,
  to_wallet_no       integer         NOT NULL,
  from_account       core.account    NOT NULL,
  to_account         core.account    NOT NULL,
  kind               core.entry_kind NOT NULL,
  leg                smallint        NOT NULL,
  customer_id        text            NOT NULL,
  amount             numeric(38,9)   NOT NULL,
  from_balance_after numeric(38,9),
  to_balance_after   numeric(38,9),
  CONSTRAINT ledger_entry_pkey PRIMARY KEY (customer_id, seq, leg, recorded_at),
  CONSTRAINT ledger_entry_moves_something CHECK (amount > 0 AND amount < 1e29),
  CONSTRAINT ledger_entry_moves_elsewhere CHECK (from_account <> to_account OR from_wallet_no <> to_wallet_no),
  CONSTRAINT ledger_entry_balances_in_range CHECK (
    from_balance_after >= 0 AND from_balance_after < 1e29 AND to_balance_after >= 0 AND to_balance_after < 1e29)
) PARTITION BY RANGE (recorded_at);

CREATE TABLE core.usage_event (
  seq             bigint      NOT NULL,
  recorded_at     timestamptz NOT NULL,
  -- When it happened, if not when it was recorded (RECORD only).
  occurred_at     timestamptz,
  catalog_version integer     NOT NULL,
  customer_id     text        NOT NULL,
  feature_id      text        NOT NULL,
  -- The entities named, by number, in the order of the request's axes, where that is not just the first of the path. Lists are JSON
  -- here: an array takes four times the room.
  entity_nos      json,
  session_id      text,
  dimensions      json,
  quantities      json        NOT NULL,
  -- credit type -> amount charged, overdraft included, shortfall not; null when free.
  credits         json,
  shortfall       json,
  -- The entities named and all above them, each once: the order of the request's axes, leaf upwards, 0 last.
  path            json        NOT NULL,
  -- The counters charged, null where none. Which window each was in, core.counter_window says by seq; which
  -- version of the budget was in force, core.change.
  counters        json,
  -- The reason it would have had, for what was recorded without being allowed.
  reason          text,
  CONSTRAINT usage_event_pkey PRIMARY KEY (customer_id, seq, recorded_at)
) PARTITION BY RANGE (recorded_at);

-- A counter's windows: one row whenever it begins one, so that what was charged when needs no arithmetic
-- with time zones that may have changed since.
CREATE TABLE core.counter_window (
  customer_id  text        NOT NULL,
  counter_no   integer     NOT NULL,
  -- The first operation that this window counts.
  from_seq     bigint      NOT NULL,
  window_start timestamptz NOT NULL,
  window_end   timestamptz NOT NULL,
  CONSTRAINT counter_window_pkey PRIMARY KEY (customer_id, counter_no, from_seq),
  CONSTRAINT counter_window_has_a_length CHECK (window_end > window_start)
);

-- What the user said about a usage event beyond what is decided on: erasable, unlike the event.
CREATE TABLE core.usage_metadata (
  customer_id text   NOT NULL,
  seq         bigint NOT NULL,
  metadata    jsonb  NOT NULL,
  CONSTRAINT usage_metadata_pkey PRIMARY KEY (customer_id, seq)
);

-- Every change of configuration that a decision could read, and every due event that moves no credits.
CREATE TABLE core.change (
  customer_id  text        NOT NULL,
  seq          bigint      NOT NULL,
  recorded_at  timestamptz NOT NULL,
  effective_at timestamptz,
  kind         text        NOT NULL,
  subject      text        NOT NULL,
  before       jsonb,
  after        jsonb,
  actor        text        NOT NULL,
  CONSTRAINT change_pkey PRIMARY KEY (customer_id, seq)
);

-- The month inside a UUIDv7 or a ULID, letters of either case; null for any other key. It stands with the
-- table whose CHECK asks it, since what is stored depends on it: it is never changed. It runs for every item, so
-- it has no search_path of its own (that alone would cost more than the rest; every name is pg_catalog's) and
-- looks with no regular expression at a whole key.
CREATE FUNCTION core.month_in_key(p_key text) RETURNS date
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $$
DECLARE
  v_key text;
  v_milliseconds bigint;
BEGIN
  IF p_key LIKE '________-____-7___-____-____________' THEN
    v_key := pg_catalog.replace(p_key, '-', '');
    IF pg_catalog.length(v_key) = 32
      AND v_key COLLATE "C" !~ '[^0-9A-Fa-f]'
      AND pg_catalog.substr(v_key, 17, 1) IN ('8', '9', 'a', 'b', 'A', 'B')
    THEN
      v_milliseconds := ('x' || pg_catalog.left(v_key, 12))::bit(48)::bigint;
    END IF;
  ELSIF pg_catalog.length(p_key) = 26 THEN
    v_key := pg_catalog.upper(p_key COLLATE "C");
    -- 128 bits in 26 digits of five, so the first has three; the first ten are milliseconds.
    IF v_key COLLATE "C" !~ '[^0-9A-HJKMNP-TV-Z]' AND v_key COLLATE "C" < '8' THEN
      v_milliseconds := 0;
      FOR v_place IN 1 .. 10 LOOP
        v_milliseconds := v_milliseconds * 32
          + pg_catalog.strpos('123456789ABCDEFGHJKMNPQRSTVWXYZ', pg_catalog.substr(v_key, v_place, 1));
      END LOOP;
    END IF;
  END IF;
  RETURN pg_catalog.date_trunc('month', (date '1970-01-01' + (v_milliseconds / 86400000)::integer)::timestamp)::date;
END
$$;

-- The one way a key is kept, in the table and its index: a UUID in its usual form as its sixteen bytes, any other key as its
-- text, to which a zero is added where that would have sixteen bytes too. No two keys are kept alike, and UUIDs keep their order.
CREATE FUNCTION core.key_bytes(p_key text) RETURNS bytea
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $$
BEGIN
  RETURN CASE
    WHEN p_key LIKE '________-____-____-____-____________' AND pg_catalog.pg_input_is_valid(p_key, 'uuid') AND p_key::uuid::text = p_key
      THEN pg_catalog.uuid_send(p_key::uuid)
    WHEN pg_catalog.octet_length(p_key) = 16 THEN pg_catalog.convert_to(p_key, 'UTF8') || '\x00'
    ELSE pg_catalog.convert_to(p_key, 'UTF8')
  END;
END
$$;
-- … and the way back.
CREATE FUNCTION core.key_text(p_key bytea) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $$
BEGIN
  RETURN CASE
    WHEN pg_catalog.length(p_key) = 16 THEN pg_catalog.encode(p_key, 'hex')::uuid::text
    ELSE pg_catalog.convert_from(pg_catalog.rtrim(p_key, '\x00'), 'UTF8')
  END;
END
$$;

-- One narrow row per key: the fingerprint (core.differing_field has its fields) and the recorded answer. Never dropped.
CREATE TABLE core.idempotency (
  -- The seq of the operation, or, for a denial, the seq it was judged after.
  seq         bigint      NOT NULL,
  recorded_at timestamptz NOT NULL,
  key_month   date        NOT NULL,
  allowed     boolean     NOT NULL,
  customer_id text        NOT NULL,
  -- As core.key_bytes keeps it.
  key         bytea       NOT NULL,
  fingerprint bytea       NOT NULL,
  -- '' for none: a null takes more room, in every row.
  reason      text        NOT NULL DEFAULT '',
  -- Compact, with numbers for ids (core.show_answer), so that people can be forgotten.
  answer      json        NOT NULL,
  CONSTRAINT idempotency_pkey PRIMARY KEY (customer_id, key_month, key)
) PARTITION BY RANGE (key_month);
-- That key_month is the month inside the key, each partition holds by a CHECK of its own, idempotency_month_is_the_keys:
-- for a month it compares a key with where that month begins and ends (core.make_partition), which costs a tenth of
-- reading the month out of every key. Whether a month is not before that of installation, core.key_month sees to.

-- What stands in the month of a DEFAULT partition raises an alarm; upkeep makes months ahead of need.
-- Keys that carry no month of ours share the partition of undated keys.
CREATE TABLE core.ledger_entry_default PARTITION OF core.ledger_entry DEFAULT;
CREATE TABLE core.usage_event_default PARTITION OF core.usage_event DEFAULT;
CREATE TABLE core.idempotency_default PARTITION OF core.idempotency (
  CONSTRAINT idempotency_month_is_the_keys CHECK (key_month IS NOT DISTINCT FROM core.month_in_key(core.key_text(key)))
) DEFAULT;
CREATE TABLE core.idempotency_undated PARTITION OF core.idempotency FOR VALUES FROM (MINVALUE) TO ('1970-01-02');

-- History is immutable, for its owner too.
CREATE FUNCTION core.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '% is immutable: correct it by a reversal', TG_TABLE_NAME
    USING ERRCODE = 'UC910', DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'operation', TG_OP)::text;
END
$$;
CREATE TRIGGER ledger_entry_is_immutable BEFORE UPDATE OR DELETE ON core.ledger_entry
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER usage_event_is_immutable BEFORE UPDATE OR DELETE ON core.usage_event
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER change_is_immutable BEFORE UPDATE OR DELETE ON core.change
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER counter_window_is_immutable BEFORE UPDATE OR DELETE ON core.counter_window
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER idempotency_is_immutable BEFORE UPDATE OR DELETE ON core.idempotency
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
-- A trigger of a statement is not inherited: every partition has its own (core.make_partition makes those of months).
CREATE TRIGGER ledger_entry_is_kept BEFORE TRUNCATE ON core.ledger_entry
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER ledger_entry_default_is_kept BEFORE TRUNCATE ON core.ledger_entry_default
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER usage_event_is_kept BEFORE TRUNCATE ON core.usage_event
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER usage_event_default_is_kept BEFORE TRUNCATE ON core.usage_event_default
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER change_is_kept BEFORE TRUNCATE ON core.change
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER counter_window_is_kept BEFORE TRUNCATE ON core.counter_window
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER idempotency_is_kept BEFORE TRUNCATE ON core.idempotency
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER idempotency_default_is_kept BEFORE TRUNCATE ON core.idempotency_default
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER idempotency_undated_is_kept BEFORE TRUNCATE ON core.idempotency_undated
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
