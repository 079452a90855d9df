-- What a customer owns and a decision reads. Every key begins with customer_id (Citus), every table that
-- a consumption updates has a fillfactor that leaves room for HOT updates, and no index names a column
-- that a consumption changes.

-- The gate: the row every writer of a customer's state locks first.
CREATE TABLE core.gate (
  customer_id        text        NOT NULL,
  seq                bigint      NOT NULL DEFAULT 0,
  -- The last instant anything was recorded at; recorded_at never runs backwards along seq.
  last_at            timestamptz NOT NULL,
  -- When time alone changes something (a grant, a hold, a raise); infinity when nothing is due.
  next_due_at        timestamptz NOT NULL DEFAULT 'infinity',
  -- The last number given to an entity, wallet, budget or counter of this customer.
  last_no            integer     NOT NULL DEFAULT 0,
  entity_count       integer     NOT NULL DEFAULT 0,
  is_suspended       boolean     NOT NULL DEFAULT false,
  suspended_entities integer[]   NOT NULL DEFAULT '{}',
  observe            boolean     NOT NULL DEFAULT false,
  -- What an unknown entity id does: DENY, or CREATE under a parent up to a maximum.
  unknown_entity     text        NOT NULL DEFAULT 'DENY',
  unknown_type       text,
  unknown_parent_no  integer,
  unknown_max        integer     NOT NULL DEFAULT 10000,
  -- How many the policy has created so far.
  created_count      integer     NOT NULL DEFAULT 0,
  -- Some budget counts each session: only then does a session id matter to a decision.
  counts_sessions    boolean     NOT NULL DEFAULT false,
  CONSTRAINT gate_pkey PRIMARY KEY (customer_id),
  CONSTRAINT gate_seq_counts_up CHECK (seq >= 0),
  CONSTRAINT gate_unknown_entity_is_known CHECK (unknown_entity IN ('DENY', 'CREATE')),
  CONSTRAINT gate_creates_a_type CHECK (unknown_entity = 'DENY' OR (unknown_type IS NOT NULL AND unknown_parent_no IS NOT NULL))
) WITH (fillfactor = 50);

CREATE TABLE core.customer (
  customer_id text        NOT NULL,
  name        text,
  metadata    jsonb       NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL,
  CONSTRAINT customer_pkey PRIMARY KEY (customer_id),
  CONSTRAINT customer_id_has_a_length CHECK (length(customer_id) BETWEEN 1 AND 128)
);

-- Entity 0 is the customer itself, the root of its tree. Immutable rows name entities by number, so that
-- the id and the name can be erased here.
CREATE TABLE core.entity (
  customer_id text        NOT NULL,
  entity_no   integer     NOT NULL,
  entity_id   text,
  entity_type text        NOT NULL,
  parent_no   integer,
  -- The entity itself, its parent, … and 0 last.
  path        integer[]   NOT NULL,
  -- The types along the path, beside it, so that a budget for each entity of a type needs no other row.
  path_types  text[]      NOT NULL,
  name        text,
  metadata    jsonb       NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL,
  archived_at timestamptz,
  CONSTRAINT entity_pkey PRIMARY KEY (customer_id, entity_no),
  CONSTRAINT entity_id_is_unique UNIQUE (customer_id, entity_id),
  CONSTRAINT entity_root_is_the_customer CHECK ((entity_no = 0) = (parent_no IS NULL)),
  CONSTRAINT entity_path_starts_here CHECK (path[1] = entity_no AND path[cardinality(path)] = 0),
  CONSTRAINT entity_path_knows_its_types CHECK (cardinality(path_types) = cardinality(path) AND path_types[1] = entity_type)
);
-- A moved entity takes everything below it along.
CREATE INDEX entity_path ON core.entity USING gin (path);

CREATE TABLE core.wallet (
  customer_id     text          NOT NULL,
  wallet_no       integer       NOT NULL,
  wallet_id       text          NOT NULL,
  entity_no       integer       NOT NULL,
  credit_type     text          NOT NULL,
  -- The bounded accounts of this wallet. `available` is what its effective grants still hold.
  scheduled       numeric(38,9) NOT NULL DEFAULT 0,
  available       numeric(38,9) NOT NULL DEFAULT 0,
  held            numeric(38,9) NOT NULL DEFAULT 0,
  leased          numeric(38,9) NOT NULL DEFAULT 0,
  owed            numeric(38,9) NOT NULL DEFAULT 0,
  shortfall       numeric(38,9) NOT NULL DEFAULT 0,
  overdraft_limit numeric(38,9) NOT NULL DEFAULT 0,
  created_at      timestamptz   NOT NULL,
  CONSTRAINT wallet_pkey PRIMARY KEY (customer_id, wallet_no),
  CONSTRAINT wallet_id_is_unique UNIQUE (customer_id, wallet_id),
  CONSTRAINT wallet_is_one_per_entity_and_type UNIQUE (customer_id, entity_no, credit_type),
  CONSTRAINT wallet_never_overdrawn CHECK (available >= 0 AND available < 1e29),
  CONSTRAINT wallet_scheduled_in_range CHECK (scheduled >= 0 AND scheduled < 1e29),
  CONSTRAINT wallet_held_in_range CHECK (held >= 0 AND held < 1e29),
  CONSTRAINT wallet_leased_in_range CHECK (leased >= 0 AND leased < 1e29),
  CONSTRAINT wallet_shortfall_in_range CHECK (shortfall >= 0 AND shortfall < 1e29),
  CONSTRAINT wallet_overdraft_limit_in_range CHECK (overdraft_limit >= 0 AND overdraft_limit < 1e29),
  CONSTRAINT wallet_owes_within_its_limit CHECK (owed BETWEEN 0 AND overdraft_limit)
) WITH (fillfactor = 50);

CREATE TABLE core.credit_grant (
  customer_id  text          NOT NULL,
  -- The seq at which it was granted; grants of one wallet are older the smaller it is.
  grant_no     bigint        NOT NULL,
  wallet_no    integer       NOT NULL,
  grant_kind   text          NOT NULL,
  priority     smallint      NOT NULL DEFAULT 50,
  effective_at timestamptz   NOT NULL,
  expires_at   timestamptz   NOT NULL DEFAULT 'infinity',
  -- Only these features may burn it; null is any.
  features     text[],
  amount       numeric(38,9) NOT NULL,
  remaining    numeric(38,9) NOT NULL,
  held         numeric(38,9) NOT NULL DEFAULT 0,
  -- Still in the wallet's scheduled account: its effectiveness is not booked yet.
  is_scheduled boolean       NOT NULL DEFAULT false,
  -- Flips once, when the grant is exhausted, expired or voided: the only indexed column a burn can change.
  is_open      boolean       NOT NULL DEFAULT true,
  cost_basis   numeric(38,9),
  currency     text,
  source       text,
  created_at   timestamptz   NOT NULL,
  CONSTRAINT credit_grant_pkey PRIMARY KEY (customer_id, grant_no),
  CONSTRAINT credit_grant_kind_is_known CHECK (grant_kind IN ('PAID', 'PROMOTIONAL', 'RECURRING', 'ADJUSTMENT')),
  CONSTRAINT credit_grant_priority_in_range CHECK (priority BETWEEN 0 AND 100),
  CONSTRAINT credit_grant_expires_after_it_begins CHECK (expires_at > effective_at),
  CONSTRAINT credit_grant_amount_in_range CHECK (amount > 0 AND amount < 1e29),
  CONSTRAINT credit_grant_never_overspent CHECK (remaining >= 0 AND remaining <= amount),
  CONSTRAINT credit_grant_held_in_range CHECK (held >= 0 AND held <= amount),
  CONSTRAINT credit_grant_cost_basis_in_range CHECK (cost_basis >= 0 AND cost_basis < 1e29)
) WITH (fillfactor = 50);
CREATE INDEX credit_grant_open ON core.credit_grant (customer_id, wallet_no) WHERE is_open;

CREATE TABLE core.budget (
  customer_id     text          NOT NULL,
  budget_no       integer       NOT NULL,
  budget_id       text          NOT NULL,
  entity_no       integer       NOT NULL,
  -- ENTITY: the entity itself; EACH: every entity of each_type below it; SESSION: every session.
  subject_kind    text          NOT NULL DEFAULT 'ENTITY',
  each_type       text,
  measure         text          NOT NULL,
  credit_type     text,
  feature_id      text,
  quantity        text,
  -- Only requests that carry these dimension values count.
  dimensions      jsonb         NOT NULL DEFAULT '{}',
  budget_window   text          NOT NULL,
  anchor_at       timestamptz,
  time_zone       text          NOT NULL DEFAULT 'UTC',
  mode            text          NOT NULL DEFAULT 'HARD',
  amount_limit    numeric(38,9) NOT NULL,
  -- The sum of the raises in force; booked when a raise begins and when it ends.
  raised          numeric(38,9) NOT NULL DEFAULT 0,
  advice          jsonb,
  -- Sorts budgets that bind together: the shorter window first.
  window_rank     smallint      NOT NULL,
  is_active       boolean       NOT NULL DEFAULT true,
  budget_version  integer       NOT NULL DEFAULT 1,
  counts_from_seq bigint        NOT NULL,
  created_at      timestamptz   NOT NULL,
  CONSTRAINT budget_pkey PRIMARY KEY (customer_id, budget_no),
  CONSTRAINT budget_id_is_unique UNIQUE (customer_id, budget_id),
  CONSTRAINT budget_subject_is_known CHECK (subject_kind IN ('ENTITY', 'EACH', 'SESSION') AND (subject_kind = 'EACH') = (each_type IS NOT NULL)),
  CONSTRAINT budget_measures_one_thing CHECK (
    (measure = 'CREDITS' AND credit_type IS NOT NULL AND quantity IS NULL)
    OR (measure = 'QUANTITY' AND credit_type IS NULL AND feature_id IS NOT NULL AND quantity IS NOT NULL)),
  CONSTRAINT budget_window_is_known CHECK (budget_window IN ('REQUEST', 'MINUTE', 'HOUR', 'DAY', 'WEEK', 'MONTH', 'YEAR', 'BILLING_PERIOD', 'TOTAL')),
  CONSTRAINT budget_mode_is_known CHECK (mode IN ('HARD', 'SOFT', 'OBSERVE')),
  CONSTRAINT budget_limit_in_range CHECK (amount_limit >= 0 AND amount_limit < 1e29),
  CONSTRAINT budget_raised_in_range CHECK (raised >= 0 AND raised < 1e29)
);
CREATE INDEX budget_of_entity ON core.budget (customer_id, entity_no) WHERE is_active;

CREATE TABLE core.budget_raise (
  customer_id text          NOT NULL,
  raise_no    bigint        NOT NULL,
  budget_no   integer       NOT NULL,
  amount      numeric(38,9) NOT NULL,
  until       timestamptz   NOT NULL,
  raised_by   text          NOT NULL,
  reason      text          NOT NULL,
  has_ended   boolean       NOT NULL DEFAULT false,
  created_at  timestamptz   NOT NULL,
  CONSTRAINT budget_raise_pkey PRIMARY KEY (customer_id, raise_no),
  CONSTRAINT budget_raise_amount_in_range CHECK (amount > 0 AND amount < 1e29)
);
CREATE INDEX budget_raise_running ON core.budget_raise (customer_id, budget_no) WHERE NOT has_ended;

-- One row per subject of a budget, rolled in place when its window has passed.
CREATE TABLE core.counter (
  customer_id        text          NOT NULL,
  counter_no         integer       NOT NULL,
  budget_no          integer       NOT NULL,
  -- The entity counted, and the session for a budget that counts each session ('' otherwise).
  subject_no         integer       NOT NULL,
  session_id         text          NOT NULL DEFAULT '',
  window_start       timestamptz   NOT NULL,
  window_end         timestamptz   NOT NULL,
  used               numeric(38,9) NOT NULL DEFAULT 0,
  held               numeric(38,9) NOT NULL DEFAULT 0,
  would_deny_count   bigint        NOT NULL DEFAULT 0,
  would_deny_amount  numeric(38,9) NOT NULL DEFAULT 0,
  last_used_at       timestamptz   NOT NULL,
  CONSTRAINT counter_pkey PRIMARY KEY (customer_id, counter_no),
  CONSTRAINT counter_is_one_per_subject UNIQUE (customer_id, budget_no, subject_no, session_id),
  CONSTRAINT counter_used_in_range CHECK (used >= 0 AND used < 1e29),
  CONSTRAINT counter_held_in_range CHECK (held >= 0 AND held < 1e29),
  CONSTRAINT counter_would_deny_in_range CHECK (would_deny_amount >= 0 AND would_deny_amount < 1e29)
) WITH (fillfactor = 50);
