-- COMMENT ON everything that people see in a catalogue browser. Applied whenever anything changed.

COMMENT ON SCHEMA api IS 'Functions: all an application may execute. Stable.';
COMMENT ON SCHEMA report IS 'Relations for people: balances, ledger, usage. Stable and documented.';
COMMENT ON SCHEMA core IS 'Tables and inner functions. Not an interface: they change without notice.';

COMMENT ON TABLE core.schema_migration IS 'Files of sql/migrations that were applied, once each.';
COMMENT ON COLUMN core.schema_migration.checksum IS 'SHA-256 of the file; a difference is refused.';
COMMENT ON TABLE core.schema_file IS 'Files that are applied again when they change: functions, views, grants, comments.';
COMMENT ON COLUMN core.schema_file.checksum IS 'SHA-256 of the file; a difference means: apply again.';
COMMENT ON COLUMN core.schema_file.objects IS 'What the file made, as DROP takes it.';
COMMENT ON TABLE core.schema_state IS 'What the schema says about itself, in one row.';
COMMENT ON COLUMN core.schema_state.min_code_version IS 'Code below this version refuses to run here.';
COMMENT ON COLUMN core.schema_state.code_version IS 'Newest code that migrated here.';
COMMENT ON COLUMN core.schema_state.role_prefix IS 'Prefix of the roles that own and use the objects.';
COMMENT ON COLUMN core.schema_state.environment IS 'live or test.';
COMMENT ON COLUMN core.schema_state.queue_source IS 'Whether pgmq was installed by us or found here.';
COMMENT ON COLUMN core.schema_state.queue_version IS 'Version of pgmq at that time.';

COMMENT ON FUNCTION core.enqueue(text, text, jsonb, timestamptz)
IS 'Put a job on a queue in the caller''s transaction, not before an instant; returns the message''s id.';
