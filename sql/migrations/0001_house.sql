-- The three schemas, the migration runner's own tables, and the queues.
--
-- Objects are created as {{prefix}}_owner; what others may do with them stands in grants.sql alone.

CREATE SCHEMA core;
CREATE SCHEMA api;
CREATE SCHEMA report;

-- A new function is nobody's to execute until grants.sql says so.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- One row per applied file of sql/migrations. Written by the runner, in the migration's own transaction.
CREATE TABLE core.schema_migration (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by text NOT NULL DEFAULT session_user,
    CONSTRAINT schema_migration_applied_once PRIMARY KEY (version),
    CONSTRAINT schema_migration_version_from_one CHECK (version > 0)
);

-- One row per file that is applied again whenever it changes: functions, views, grants, comments.
--   objects  what it made, as DROP takes it; what a later version does not make any more is dropped
CREATE TABLE core.schema_file (
    path text NOT NULL,
    checksum text NOT NULL,
    objects text [] NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT schema_file_known_once PRIMARY KEY (path)
);

-- What the schema says about itself, in one row.
--   min_code_version  code below it refuses to run here; a migration that breaks older code raises it
--   code_version      newest code that migrated here; older code leaves functions and views alone
--   role_prefix       whose roles own the objects; another prefix is refused
--   environment       live or test: code set up for the other one refuses, and only test moves its clock
--   queue_source      'installed' by us from pgmq's SQL, or 'found' here already and used as it is
CREATE TABLE core.schema_state (
    only_row boolean NOT NULL DEFAULT true,
    min_code_version text NOT NULL,
    code_version text NOT NULL,
    role_prefix text NOT NULL,
    environment text NOT NULL,
    queue_source text NOT NULL,
    queue_version text NOT NULL,
    installed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    migrated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT schema_state_single_row PRIMARY KEY (only_row),
    CONSTRAINT schema_state_only_row_true CHECK (only_row),
    CONSTRAINT schema_state_queue_source_known CHECK (queue_source IN ('installed', 'found')),
    CONSTRAINT schema_state_environment_known CHECK (environment IN ('live', 'test')),
    CONSTRAINT schema_state_versions_dotted CHECK (
        min_code_version ~ '^\d+\.\d+\.\d+$' AND code_version ~ '^\d+\.\d+\.\d+$'
    )
);

-- One queue per kind of job; a message that failed too often moves to dead_letter with its error.
SELECT pgmq.create('top_up');
SELECT pgmq.create('expiry');
SELECT pgmq.create('recurring_grant');
SELECT pgmq.create('alert');
SELECT pgmq.create('webhook');
SELECT pgmq.create('billing_export');
SELECT pgmq.create('seal');
SELECT pgmq.create('maintenance');
SELECT pgmq.create('dead_letter');
