-- What this database is: one row. Every decision reads it first.
--
-- An identity is the system identifier, the timeline and the database. After a restore or an asynchronous
-- failover `seq` numbers may repeat, so nothing is decided under another identity until core.recover has
-- set a new incarnation. The row is made by upkeep.sql, which every run of `controlplane migrate` ends with.
CREATE TABLE core.installation (
  only_row          boolean     NOT NULL DEFAULT true,
  environment       text        NOT NULL,
  installed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  incarnation       integer     NOT NULL DEFAULT 1,
  identity          text        NOT NULL,
  failover          text        NOT NULL DEFAULT 'asynchronous',
  -- Added to the wall clock; only a test environment may move it.
  clock_offset      interval    NOT NULL DEFAULT '0',
  catalog_version   bigint      NOT NULL DEFAULT 0,
  CONSTRAINT installation_pkey PRIMARY KEY (only_row),
  CONSTRAINT installation_is_one_row CHECK (only_row),
  CONSTRAINT installation_environment_is_known CHECK (environment IN ('live', 'test')),
  CONSTRAINT installation_failover_is_known CHECK (failover IN ('asynchronous', 'synchronous')),
  CONSTRAINT installation_live_clock_is_the_wall CHECK (environment = 'test' OR clock_offset = '0'),
  CONSTRAINT installation_incarnation_counts_up CHECK (incarnation > 0)
);

-- Every incarnation there has been, and why it began.
CREATE TABLE core.incarnation (
  incarnation integer     NOT NULL,
  identity    text        NOT NULL,
  began_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  reason      text        NOT NULL,
  CONSTRAINT incarnation_pkey PRIMARY KEY (incarnation)
);
