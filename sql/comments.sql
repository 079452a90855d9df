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

COMMENT ON FUNCTION core.key_month(text, date)
IS 'The partition of an idempotency key: the month inside a UUIDv7 or ULID not before the given one, else 1970-01-01.';
COMMENT ON FUNCTION core.month_in_key(text)
IS 'The month inside a UUIDv7 or ULID; null for any other key.';
COMMENT ON FUNCTION core.instant_of(timestamp, text)
IS 'The instant at which a zone''s clock on the wall shows this; the first, where it shows it twice.';
COMMENT ON FUNCTION core.window_of(text, text, timestamptz, timestamptz, timestamptz)
IS 'The window of a budget in which an instant lies: from starts_at to before ends_at.';
COMMENT ON FUNCTION core.fault(text, text, text)
IS 'One fault of an input, as a list of one.';
COMMENT ON FUNCTION core.refuse_faults(jsonb)
IS 'Raises UC101 with all faults of an input, if there are any.';
COMMENT ON FUNCTION core.faults(jsonb, text, jsonb)
IS 'What is wrong with the shape of an input: unknown and missing fields, values of another kind.';
COMMENT ON FUNCTION core.element_faults(jsonb, text, jsonb, integer, text)
IS 'What is wrong with the shape of the elements of a list.';
COMMENT ON FUNCTION core.name_list_faults(jsonb, text, integer, integer)
IS 'What is wrong with a list of plain ids.';
COMMENT ON FUNCTION core.unit_faults(text, text, text)
IS 'A fault where an amount is no multiple of its credit type''s smallest unit.';
COMMENT ON FUNCTION core.text_list(jsonb)
IS 'A JSON list of strings as an array.';
COMMENT ON FUNCTION core.lock_catalog()
IS 'Locks the catalogue for one change; the version that it will have.';
COMMENT ON FUNCTION core.record_catalog_change(bigint, text, text, jsonb, jsonb, text)
IS 'Makes a version of the catalogue the current one, and says who changed what.';
COMMENT ON FUNCTION core.feature_faults(core.feature, core.feature)
IS 'What a new version of a feature would break.';
COMMENT ON FUNCTION core.rate_faults(core.feature, core.rate [])
IS 'What rates name that is not there, and ties among them.';
COMMENT ON FUNCTION core.begin_change(text)
IS 'Locks a customer''s gate, books what is due, and returns the gate at the instant of the change.';
COMMENT ON FUNCTION core.end_change(core.gate, text, text, jsonb, jsonb, text)
IS 'Takes the next seq for a change, records it, and stores the gate.';
COMMENT ON FUNCTION core.wallet_faults(text, integer, text, jsonb)
IS 'What is wrong with the wallets that somebody shall have.';
COMMENT ON FUNCTION core.put_wallets(text, integer, text, jsonb, integer, timestamptz)
IS 'Makes wallets or changes their overdraft limits.';
COMMENT ON FUNCTION core.policy_json(core.gate)
IS 'The policies of a customer, for the history of changes.';
COMMENT ON FUNCTION core.parent_faults(text, integer, text)
IS 'A fault where a parent does not exist or stands too deep.';
COMMENT ON FUNCTION core.type_faults(text, boolean, text)
IS 'A fault where a type of entity is missing or reserved.';
COMMENT ON FUNCTION core.move_faults(core.entity, core.entity)
IS 'What speaks against moving an entity below another.';
COMMENT ON FUNCTION core.move_entity(core.entity, core.entity)
IS 'Moves an entity and everything below it.';
COMMENT ON FUNCTION core.budget_shape(text, jsonb, core.budget)
IS 'What an input says a budget counts, and whom.';
COMMENT ON FUNCTION core.budget_faults(jsonb, core.budget, core.budget)
IS 'What is wrong with a budget beyond the shape of its input.';
COMMENT ON FUNCTION core.is_time_zone(text)
IS 'Whether a name is a zone of the IANA database.';
COMMENT ON FUNCTION core.wallet_to_grant(text, jsonb)
IS 'The wallet that a grant names, or the one to make for it.';
COMMENT ON FUNCTION core.grant_faults(jsonb, core.wallet, core.credit_grant, timestamptz)
IS 'What is wrong with a grant beyond the shape of its input.';
COMMENT ON FUNCTION core.grant_fingerprint(jsonb)
IS 'Four bytes for each field of a grant, the operation first.';
COMMENT ON FUNCTION core.grant_difference(bytea, bytea)
IS 'The first field in which the fingerprint of a grant differs from another one.';
COMMENT ON FUNCTION core.book_grant(core.gate, core.wallet, core.credit_grant)
IS 'Writes a grant with its wallet and ledger entries; the answer to keep.';
COMMENT ON FUNCTION core.book_due(text [], timestamptz, integer)
IS 'Books what time has brought to customers whose gates are locked; how many operations.';
COMMENT ON FUNCTION core.write_due(
    timestamptz, text [], bigint [], text [], timestamptz [], bigint [], integer [],
    numeric [], numeric [], numeric [], numeric [], numeric []
)
IS 'Writes the operations that core.book_due has worked out, one statement per table.';
COMMENT ON FUNCTION core.ledger_sides(text [])
IS 'Both sides of every ledger entry, with what each did to its account.';
COMMENT ON FUNCTION core.verify_balances(text [])
IS 'Accounts of wallets against the fold of the ledger.';
COMMENT ON FUNCTION core.verify_balances_after(text [])
IS 'The balances noted on entries against the running fold.';
COMMENT ON FUNCTION core.verify_grants(text [])
IS 'What is left of grants against their entries, and wallets against their grants.';
COMMENT ON FUNCTION core.verify_charges(text [])
IS 'Usage events against their entries.';
COMMENT ON FUNCTION core.verify_counters(text [])
IS 'Counters against the usage events of their window.';
COMMENT ON FUNCTION core.verify_burn_order(text [])
IS 'Whether an eligible grant was ever passed over.';
COMMENT ON FUNCTION core.verify_order(text [])
IS 'Whether seq is gapless and recorded_at never runs backwards.';
COMMENT ON FUNCTION core.verify_tree(text [])
IS 'Paths of entities, figures of gates, raises in force.';
COMMENT ON FUNCTION core.verify_references(text [])
IS 'Whether what is named of the catalogue exists.';
COMMENT ON FUNCTION api.upsert_credit_type(jsonb, text)
IS 'Make a kind of credit, or change how it is named and shown; its decimals never change.';
COMMENT ON FUNCTION api.upsert_feature(jsonb, text)
IS 'Make a feature, or a new version of it.';
COMMENT ON FUNCTION api.set_rates(jsonb, text)
IS 'Set rates of a feature; they supersede and are never edited.';
COMMENT ON FUNCTION api.upsert_customer(text, jsonb, text)
IS 'Make a customer, or change its name, wallets and policies.';
COMMENT ON FUNCTION api.upsert_entity(text, jsonb, text)
IS 'Make an entity, change it, or move it with everything below it.';
COMMENT ON FUNCTION api.set_suspension(text, text, boolean, text)
IS 'Suspend a customer or an entity, or let it go on.';
COMMENT ON FUNCTION api.set_budget(text, jsonb, text)
IS 'Set a budget, or change the limit, mode and advice of one.';
COMMENT ON FUNCTION api.raise_budget(text, jsonb, text)
IS 'Raise a budget''s limit until an instant.';
COMMENT ON FUNCTION api.grant_credits(text, jsonb, text)
IS 'Grant credits to a wallet, once per idempotency key.';
COMMENT ON FUNCTION api.create_api_key(jsonb, text)
IS 'Make an API key from the hash of its secret.';
COMMENT ON FUNCTION api.revoke_api_key(jsonb, text)
IS 'Revoke an API key at once.';
COMMENT ON FUNCTION api.book_due(integer)
IS 'Book what time has brought to customers whose gates are free; how many operations.';
COMMENT ON FUNCTION api.recover(text)
IS 'Declare, after a restore or failover, that this server''s history goes on: a new incarnation.';
COMMENT ON FUNCTION api.advance_clock(interval)
IS 'Move the clock of a test environment ahead; the new time.';
COMMENT ON FUNCTION api.verify(text [])
IS 'Whether stored state is what history says: per check how much was looked at, and the first offenders.';
