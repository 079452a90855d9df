-- Reservations: credits and budget held before the cost is known.

ALTER TYPE core.entry_kind ADD VALUE 'RESERVE' AFTER 'CONSUME';
ALTER TYPE core.entry_kind ADD VALUE 'SETTLE' AFTER 'RESERVE';
ALTER TYPE core.entry_kind ADD VALUE 'RELEASE' AFTER 'SETTLE';

-- What was held, and what has become of it: settle, release and expiry use this record alone, whatever has been
-- renamed, repriced, moved or rolled since.
CREATE TABLE core.reservation (
  -- The seq at which it was made.
  reservation_no  bigint      NOT NULL,
  reserved_at     timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  -- Whose rates it was priced by, and is settled by.
  catalog_version integer     NOT NULL,
  -- Nothing more can be said of it: it is over, and if it expired, a last late report has come.
  is_closed       boolean     NOT NULL DEFAULT false,
  -- Made under OBSERVE: what it does not hold may be drawn from an overdraft when it is settled.
  is_observed     boolean     NOT NULL,
  state           text        NOT NULL DEFAULT 'HELD',
  customer_id     text        NOT NULL,
  feature_id      text        NOT NULL,
  overage         text        NOT NULL,
  session_id      text,
  -- As on a usage event.
  entity_nos      json,
  dimensions      json,
  path            json        NOT NULL,
  -- What was asked and taken, and what has been settled of it so far.
  quantities      json        NOT NULL,
  settled         json        NOT NULL DEFAULT '{}',
  -- In the order they pay: [wallet, grant (null: the overdraft), amount, settled]. What a settle took beyond the hold is added. Where
  -- a price of nothing ended the plan stands [wallet, 0, 0]: there it ends again.
  slices          json        NOT NULL,
  -- What was settled and nobody could pay: [credit type, amount], once for each time.
  shortfalls      json,
  -- What it charged: [counter, what it measures ("$" before a credit type), amount, start of the window as an epoch (null: none)].
  counters        json,
  CONSTRAINT reservation_pkey PRIMARY KEY (customer_id, reservation_no),
  CONSTRAINT reservation_state_is_known CHECK (state IN ('HELD', 'SETTLED', 'RELEASED', 'EXPIRED')),
  CONSTRAINT reservation_closes_when_it_is_over CHECK (CASE state WHEN 'HELD' THEN NOT is_closed WHEN 'EXPIRED' THEN true ELSE is_closed END)
) WITH (fillfactor = 70);
-- A state flips once, and an expiry moves only when it is extended: a settle of a part touches no index.
CREATE INDEX reservation_held ON core.reservation (customer_id, expires_at) WHERE state = 'HELD';

-- The head row of whatever changed a reservation. Immutable.
CREATE TABLE core.reservation_step (
  seq            bigint      NOT NULL,
  recorded_at    timestamptz NOT NULL,
  -- When it took effect, if not when it was recorded (an expiry booked late).
  effective_at   timestamptz,
  reservation_no bigint      NOT NULL,
  -- Until when it holds after this step; null for one that ends it.
  expires_at     timestamptz,
  customer_id    text        NOT NULL,
  kind           text        NOT NULL,
  -- What was held, or settled by this step.
  quantities     json,
  CONSTRAINT reservation_step_pkey PRIMARY KEY (customer_id, seq),
  CONSTRAINT reservation_step_kind_is_known CHECK (kind IN ('RESERVE', 'EXTEND', 'SETTLE', 'RELEASE', 'EXPIRE'))
);
CREATE INDEX reservation_step_of_reservation ON core.reservation_step (customer_id, reservation_no);
CREATE TRIGGER reservation_step_is_immutable BEFORE UPDATE OR DELETE ON core.reservation_step
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER reservation_step_is_kept BEFORE TRUNCATE ON core.reservation_step
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

-- The reservation that a usage event settles. Its counters are then [counter, of the hold, beyond it]: what was held counts in the window of the
-- reservation, what went beyond it in that of the event.
ALTER TABLE core.usage_event ADD COLUMN reservation_no bigint;

-- What a reserve hands on besides what a consumption does: that it holds, and for whom and how long; after each entry, and at the end,
-- what is held of its wallet.
ALTER TYPE core.verdict ADD ATTRIBUTE holds boolean;
ALTER TYPE core.verdict ADD ATTRIBUTE k_observed boolean[];
ALTER TYPE core.verdict ADD ATTRIBUTE r_k integer[];
ALTER TYPE core.verdict ADD ATTRIBUTE r_overage text[];
ALTER TYPE core.verdict ADD ATTRIBUTE r_seconds integer[];
ALTER TYPE core.verdict ADD ATTRIBUTE e_held numeric[];
ALTER TYPE core.verdict ADD ATTRIBUTE w_held numeric[];
ALTER TYPE core.verdict ADD ATTRIBUTE i_held numeric[];
ALTER TYPE core.verdict ADD ATTRIBUTE a_counters text[];
ALTER TYPE core.verdict ADD ATTRIBUTE i_free integer[];

-- What core.take_steps hands on: what each step is answered, as parallel arrays.
CREATE TYPE core.step_answers AS (
  allowed     boolean[],
  would_allow boolean[],
  reason      text[],
  replayed    boolean[],
  seq         bigint[],
  shown       text[]
);
