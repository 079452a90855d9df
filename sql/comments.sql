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
COMMENT ON FUNCTION core.key_bytes(text)
IS 'An idempotency key as it is kept.';
COMMENT ON FUNCTION core.key_text(bytea)
IS 'A kept idempotency key as it was given.';
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
COMMENT ON FUNCTION core.returned_terms(text [])
IS 'The terms of grants that became of repaid overdrafts which reservations gave back.';
COMMENT ON FUNCTION core.number_of(text)
IS 'The number that an id of ours is; 0 for what is none.';
COMMENT ON FUNCTION core.own_wallet_id(text, text)
IS 'What the customer''s own wallet of a credit type is called when what is recorded makes it.';
COMMENT ON FUNCTION core.erased_id(integer, text [])
IS 'What stands in the place of an id that was erased.';
COMMENT ON FUNCTION core.metadata_of(text, integer, bigint)
IS 'The usage events with metadata that named an entity.';
COMMENT ON FUNCTION core.show_grant(text, jsonb)
IS 'A grant''s kept answer with its wallet''s id in place of the number.';
COMMENT ON FUNCTION core.put_wallets(text, integer, text, jsonb, integer, timestamptz)
IS 'Makes wallets or changes their overdraft limits.';
COMMENT ON FUNCTION core.policy_json(core.gate, core.customer)
IS 'The policies of a customer, for the history of changes.';
COMMENT ON FUNCTION core.parent_faults(text, integer, text, text)
IS 'A fault where a parent does not exist or stands too deep.';
COMMENT ON FUNCTION core.type_faults(text, boolean, text)
IS 'A fault where a type of entity is missing or reserved.';
COMMENT ON FUNCTION core.move_faults(core.entity, core.entity, text)
IS 'What speaks against moving an entity below another.';
COMMENT ON FUNCTION core.move_entity(core.entity, core.entity)
IS 'Moves an entity and everything below it.';
COMMENT ON FUNCTION core.put_budget(core.gate, core.budget, core.budget, text)
IS 'Write a budget that is new or has changed, as its next version.';
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
COMMENT ON FUNCTION core.transfer_fingerprint(jsonb)
IS 'The same of a transfer.';
COMMENT ON FUNCTION core.threshold_faults(jsonb)
IS 'What is wrong with the thresholds of a budget.';
COMMENT ON FUNCTION core.reached_thresholds(core.budget, numeric)
IS 'The thresholds of a budget that so much used has reached.';
COMMENT ON FUNCTION core.enqueue_crossings(core.budget, core.counter, numeric [], timestamptz)
IS 'Queue an alert for each threshold that a counter has reached and had not before.';
COMMENT ON FUNCTION core.enqueue_crossings_of_counter(core.counter, core.counter)
IS 'Tell of the thresholds that a counter reaches by what it counts.';
COMMENT ON FUNCTION core.enqueue_crossings_of_budget(core.budget, core.budget, timestamptz)
IS 'Tell of the thresholds that counters reach because their budget changes.';
COMMENT ON FUNCTION core.tell_of_counter()
IS 'Trigger: what a counter counts now may cross thresholds.';
COMMENT ON FUNCTION core.raise_fingerprint(jsonb)
IS 'The same of a raise.';
COMMENT ON FUNCTION core.fingerprint_difference(bytea, bytea, text [])
IS 'The first field in which a fingerprint of a grant, a transfer, a reversal or a raise differs from another one.';
COMMENT ON FUNCTION core.known_answer(text, text, date, bytea, text [])
IS 'The answer that a key of a grant, a transfer, a reversal or a raise keeps; raises UC101 where the request is another one.';
COMMENT ON FUNCTION core.named_wallet_faults(jsonb, text, core.wallet, boolean)
IS 'What is wrong with how an input names a wallet.';
COMMENT ON FUNCTION core.ensure_wallet(core.gate, core.wallet)
IS 'A wallet as it stands, made if it is not there.';
COMMENT ON FUNCTION core.issue_grant(core.gate, core.credit_grant, text)
IS 'Puts a grant on the ledger and repays what its wallet owes; the grant as it then is.';
COMMENT ON FUNCTION core.book_grant(core.gate, core.wallet, core.credit_grant, text)
IS 'Writes a grant with its wallet and ledger entries; the answer to keep.';
COMMENT ON FUNCTION core.grant_status(core.credit_grant, numeric, numeric, timestamptz)
IS 'Where a grant stands at an instant.';
COMMENT ON FUNCTION core.grant_dues(text, timestamptz)
IS 'What is left and held of grants that time has changed and that is not booked yet.';
COMMENT ON FUNCTION core.grant_due_at(core.credit_grant)
IS 'When time alone changes a grant next.';
COMMENT ON FUNCTION core.grant_to_change(text, text)
IS 'The grant that a change names; raises UC101 if there is none.';
COMMENT ON FUNCTION core.ended_grant_faults(core.credit_grant, timestamptz)
IS 'A fault, whose code is its status, for a grant of which nothing is left to change.';
COMMENT ON FUNCTION core.grant_update_faults(core.credit_grant, core.credit_grant, timestamptz)
IS 'What is wrong with new terms of a grant.';
COMMENT ON FUNCTION core.grant_terms_json(core.credit_grant)
IS 'The terms of a grant that may change, for the history of changes.';
COMMENT ON FUNCTION core.all_grant_terms(core.credit_grant)
IS 'All terms of a grant, as history keeps those with which it was made.';
COMMENT ON FUNCTION core.term_unlike_print(jsonb, bytea, timestamptz)
IS 'The first term in which a grant is not the one that its key was used for.';
COMMENT ON FUNCTION core.grant_terms(text [])
IS 'The terms of grants as they were, each with the stretch of seq in which it had them.';
COMMENT ON FUNCTION core.transferable_grants(core.wallet, timestamptz)
IS 'The grants of a wallet that have something to move, in burn order.';
COMMENT ON FUNCTION core.transfer_faults(jsonb, core.wallet, core.wallet, timestamptz)
IS 'What is wrong with a transfer beyond the shape of its input.';
COMMENT ON FUNCTION core.book_transfer(core.gate, core.wallet, core.wallet, numeric, text)
IS 'Moves credits between wallets, grant by grant; the answer to keep.';
COMMENT ON FUNCTION core.book_void(core.gate, core.credit_grant, text [], boolean, text, text)
IS 'Writes that a grant is void, or charged back.';
COMMENT ON FUNCTION core.grant_parts(text, bigint)
IS 'The grants that were made of one, and of those in turn.';
COMMENT ON FUNCTION core.charged_back_parts(text, jsonb)
IS 'What was charged back of the parts that a chargeback names.';
COMMENT ON FUNCTION core.grants_spent(text [], bigint)
IS 'What has been spent of grants and not been taken back since.';
COMMENT ON FUNCTION core.reversal_fingerprint(jsonb)
IS 'Four bytes for each field of a reversal, the operation first.';
COMMENT ON FUNCTION core.reversal_faults(jsonb, core.usage_event, numeric, numeric)
IS 'What is wrong with a reversal beyond the shape of its input.';
COMMENT ON FUNCTION core.reversed_amounts(core.usage_event, numeric, numeric)
IS 'What reversals take back of each quantity and credit type of a usage event.';
COMMENT ON FUNCTION core.reversed_slices(core.usage_event, numeric, numeric)
IS 'What a reversal takes back of each entry that paid for a usage event, the last one first.';
COMMENT ON FUNCTION core.reversed_counts(core.usage_event, numeric, numeric)
IS 'What the counters of a usage event have no longer to count when it is reversed.';
COMMENT ON FUNCTION core.book_reversal(core.gate, core.usage_event, numeric, numeric, text, text)
IS 'Writes a reversal; the answer to keep.';
COMMENT ON FUNCTION core.book_due(text [], timestamptz, integer)
IS 'Books what time has brought to customers whose gates are locked; how many operations.';
COMMENT ON FUNCTION core.book_grants_due(text [], timestamptz [], timestamptz, integer, text [], integer [])
IS 'Books grants that expired or took effect and raises that ended, each customer''s before an instant of its own.';
COMMENT ON FUNCTION core.book_due_of_wallets(text [], integer [], timestamptz)
IS 'Books what time has brought to the grants of some wallets, beyond what one call books.';
COMMENT ON FUNCTION core.next_due(text, boolean)
IS 'When time alone next changes something of a customer.';
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
COMMENT ON FUNCTION core.grant_sides(text [])
IS 'Both sides of every ledger entry of a grant, with what each did to its account.';
COMMENT ON FUNCTION core.verify_granted(text [])
IS 'Grants against what they were made, and limits of overdrafts against what was said last.';
COMMENT ON FUNCTION core.verify_terms(text [])
IS 'Terms of grants against their changes, and transfers against what they moved.';
COMMENT ON FUNCTION core.verify_grants(text [])
IS 'Grants and what is left of them against their entries, and wallets against their grants.';
COMMENT ON FUNCTION core.verify_charges(text [])
IS 'Usage events against their entries.';
COMMENT ON FUNCTION core.verify_counters(text [])
IS 'Counters against the usage events of their window.';
COMMENT ON FUNCTION core.verify_burn_order(text [])
IS 'Whether an eligible grant was ever passed over.';
COMMENT ON FUNCTION core.verify_order(text [])
IS 'Whether seq is gapless and recorded_at never runs backwards.';
COMMENT ON FUNCTION core.verify_keys(text [])
IS 'Whether each usage event, grant, transfer, reversal and raise is what exactly one key did.';
COMMENT ON FUNCTION core.verify_reversals(text [])
IS 'Whether reversals take back what they say, and never more than there was.';
COMMENT ON FUNCTION core.verify_tree(text [])
IS 'Paths of entities, figures of gates, raises in force.';
COMMENT ON FUNCTION core.reservation_rests(core.reservation)
IS 'What a reservation still holds of each counter that it charged.';
COMMENT ON FUNCTION core.verify_reservations(text [])
IS 'Whether what is held is what reservations hold, and each of them ended as it says.';
COMMENT ON FUNCTION core.verify_references(text [])
IS 'Whether what is named of the catalogue exists.';
COMMENT ON FUNCTION core.verify_chart(text [])
IS 'Whether every entry joins accounts that its kind may join.';
COMMENT ON FUNCTION core.verify_openings(text [])
IS 'Openings of months against the fold of the ledger.';
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
COMMENT ON FUNCTION api.erase_entity(text, jsonb, text)
IS 'Forget an entity''s id, name and metadata; what it did stays under its number.';
COMMENT ON FUNCTION api.set_suspension(text, text, boolean, text)
IS 'Suspend a customer or an entity, or let it go on.';
COMMENT ON FUNCTION api.set_budget(text, jsonb, text)
IS 'Set a budget, or change the limit, mode and advice of one.';
COMMENT ON FUNCTION api.raise_budget(text, jsonb, text)
IS 'Raise a budget''s limit until an instant, once per idempotency key.';
COMMENT ON FUNCTION api.pause_budget(text, jsonb, text)
IS 'Pause a budget, or let it go on.';
COMMENT ON FUNCTION api.archive_budget(text, jsonb, text)
IS 'Archive a budget, for good.';
COMMENT ON FUNCTION api.move_entity(text, jsonb, text)
IS 'Move an entity with everything below it to another parent.';
COMMENT ON FUNCTION api.archive_entity(text, jsonb, text)
IS 'Archive an entity: new requests do not find it, its history stays.';
COMMENT ON FUNCTION api.grant_credits(text, jsonb, text)
IS 'Grant credits to a wallet, once per idempotency key.';
COMMENT ON FUNCTION api.import_rows(text, jsonb, text)
IS 'Import rows of customers, each undone alone if it is refused: what became of each.';
COMMENT ON FUNCTION api.update_grant(text, jsonb, text)
IS 'Change dates and priority of what is unspent of a grant, or note that its payment was received.';
COMMENT ON FUNCTION api.void_grant(text, jsonb, text)
IS 'Take back what is left of a grant and not held; a chargeback books what was spent of it and of its parts as a receivable.';
COMMENT ON FUNCTION api.transfer_credits(text, jsonb, text)
IS 'Move credits between wallets of one credit type, once per idempotency key.';
COMMENT ON FUNCTION api.reverse_consumption(text, jsonb, text)
IS 'Take back a usage event, or a share of it, once per idempotency key.';
COMMENT ON FUNCTION api.create_api_key(jsonb, text)
IS 'Make an API key from the hash of its secret.';
COMMENT ON FUNCTION api.revoke_api_key(jsonb, text)
IS 'Revoke an API key at once.';
COMMENT ON FUNCTION api.rotate_api_key(jsonb, text)
IS 'Give an API key a new secret; the one it had works on for a while.';
COMMENT ON FUNCTION api.book_due(integer)
IS 'Book what time has brought to customers whose gates are free; how many operations.';
COMMENT ON FUNCTION api.recover(text)
IS 'Declare, after a restore or failover, that this server''s history goes on: a new incarnation.';
COMMENT ON FUNCTION api.advance_clock(interval)
IS 'Move the clock of a test environment ahead; the new time.';
COMMENT ON FUNCTION api.ensure_partitions()
IS 'Make the partitions of the months to come where one is missing; how many it made.';
COMMENT ON FUNCTION api.open_month(date, integer)
IS 'Write with what a month begins for some more customers; to be called until it is opened.';
COMMENT ON FUNCTION api.read_months_to_open()
IS 'The months that have begun and are not opened.';
COMMENT ON FUNCTION api.close_month(date, text, integer)
IS 'Close a month that is over; to be called until it is closed.';
COMMENT ON FUNCTION api.read_closing(date)
IS 'What closing a month would take, and what speaks against it.';
COMMENT ON FUNCTION core.pass_horizon(date)
IS 'How many transactions a month has to wait for before it is opened or closed.';
COMMENT ON FUNCTION core.write_openings(date, integer)
IS 'Writes how a month begins for the next customers; for how many.';
COMMENT ON FUNCTION core.balances_after(text [], bigint [])
IS 'Balances of customers'' accounts, each after one entry, from the opening before it.';
COMMENT ON FUNCTION core.grants_gone(text [], bigint [], timestamptz)
IS 'How much had gone of customers'' grants, each after one entry.';
COMMENT ON FUNCTION core.entry_money(core.ledger_entry [])
IS 'The money at cost basis of some entries of a customer.';
COMMENT ON FUNCTION core.late_balances(text, timestamptz)
IS 'What had taken effect by an instant and was recorded after it, by account.';
COMMENT ON FUNCTION core.seq_at(text, timestamptz)
IS 'The seq of a customer''s last ledger entry recorded by an instant.';
COMMENT ON FUNCTION core.closing_faults(date)
IS 'What speaks against closing a month.';
COMMENT ON FUNCTION core.fence_months(date)
IS 'Puts a fence on the partitions of all months up to one.';
COMMENT ON FUNCTION core.refuse_closed()
IS 'Trigger: raises UC911 for a row of a closed month.';
COMMENT ON FUNCTION api.verify(text [])
IS 'Whether stored state is what history says: per check how much was looked at, and the first offenders.';

-- Seals.
COMMENT ON FUNCTION api.seal(text, bigint)
IS 'Seal a customer''s history up to an operation or up to now; locks nothing that decides.';
COMMENT ON FUNCTION api.seal_head(text)
IS 'Where a customer''s chain of seals ends, to be kept outside.';
COMMENT ON FUNCTION api.verify_seals(text [], jsonb)
IS 'Whether history is what was sealed, and whether heads kept outside still match.';
COMMENT ON FUNCTION core.seal(text, bigint)
IS 'Goes on with a customer''s chain of seals; how many operations.';
COMMENT ON FUNCTION core.seal_root(text)
IS 'The head before a customer''s first operation.';
COMMENT ON FUNCTION core.sealed_rows(text, bigint, bigint, timestamptz, timestamptz)
IS 'What is sealed, and how: a digest for each row of history.';
COMMENT ON FUNCTION core.sealed_operations(text, bigint, bigint, timestamptz, timestamptz)
IS 'Digests and marks of operations.';
COMMENT ON FUNCTION core.seal_offenders(core.seal)
IS 'Which rows of a span were altered, deleted or inserted.';
COMMENT ON FUNCTION core.verify_seals(text, jsonb)
IS 'A customer''s seals against its history and against heads kept outside.';

-- Tables and types.
COMMENT ON TABLE core.installation IS 'What this database is, in one row: identity, incarnation, clock, version of the catalogue.';
COMMENT ON TABLE core.incarnation IS 'Every incarnation there has been, and why it began.';
COMMENT ON TABLE core.installation_change IS 'Changes of the catalogue, of keys and of incarnations: who, what, when. Immutable.';
COMMENT ON TABLE core.credit_type IS 'Kinds of credit and their smallest unit, which never changes.';
COMMENT ON TABLE core.feature IS 'Versions of features: what they count, their dimensions, the credit types they take.';
COMMENT ON TABLE core.rate IS 'What one quantity of a feature costs, from an instant on; superseded, never edited.';
COMMENT ON TABLE core.gate IS 'One row a customer, locked by every writer of what the customer owns.';
COMMENT ON TABLE core.customer IS 'Customers'' names and metadata.';
COMMENT ON TABLE core.entity IS 'The tree below a customer; number 0 is the customer itself.';
COMMENT ON TABLE core.wallet IS 'Balances: the bounded accounts of one credit type of one holder.';
COMMENT ON TABLE core.credit_grant IS 'Lots of credits, burned in one order.';
COMMENT ON TABLE core.budget IS 'Caps on what an entity, each of some or each session may use in a window.';
COMMENT ON TABLE core.budget_raise IS 'Temporary additions to a budget''s limit.';
COMMENT ON TABLE core.counter IS 'What one subject of a budget has used in its window; rolled in place.';
COMMENT ON TABLE core.counter_window IS 'The windows of counters, by the seq each began with. Immutable.';
COMMENT ON TABLE core.ledger_entry IS 'Credits moving from one account to another. Immutable, partitioned by month.';
COMMENT ON TABLE core.usage_event IS 'Consumptions: who, which feature, how much, at what price. Immutable, partitioned by month.';
COMMENT ON TABLE core.reservation IS 'Credits and budgets held, and what has become of them.';
COMMENT ON TABLE core.reservation_step IS 'What changed a reservation: made, extended, settled, released, expired. Immutable.';
COMMENT ON TABLE core.reversal IS 'What was taken back of usage events. Immutable.';
COMMENT ON TABLE core.reversal_reason IS 'Why usage events were taken back; erasable.';
COMMENT ON TYPE core.step_answers IS 'What core.take_steps hands on: what each step is answered.';
COMMENT ON TABLE core.usage_metadata IS 'What a caller said of a usage event beyond what is decided on; erasable.';
COMMENT ON TABLE core.change IS 'Changes of a customer''s configuration, and due events that move no credits. Immutable.';
COMMENT ON TABLE core.idempotency IS 'First answers, by key. Immutable, partitioned by the month inside the key.';
COMMENT ON TABLE core.month IS 'Months that were opened or closed, or where that is under way.';
COMMENT ON TABLE core.customer_month IS 'After which ledger entry a month begins for a customer. Immutable.';
COMMENT ON TABLE core.opening IS 'With what balance an account begins a month. Immutable.';
COMMENT ON TABLE core.opening_grant IS 'How much of a grant had gone when a month began. Immutable.';
COMMENT ON TABLE core.ledger_origin IS 'Who moved credits, and on what ground, where no usage event says so. Immutable.';
COMMENT ON COLUMN core.installation.clock_floor IS 'Nothing is recorded before it.';
COMMENT ON COLUMN core.installation.open_from IS 'Nothing that is recorded from now on may have happened before it.';
COMMENT ON COLUMN core.installation.closed_until IS 'End of the last closed month.';
COMMENT ON TABLE core.seal IS 'A hash chain over each customer''s history, in spans of up to 64 operations. Immutable.';
COMMENT ON TABLE core.api_key IS 'Keys of the API by the hash of their secret.';
COMMENT ON TABLE core.former_secret IS 'Secrets that keys had before they were rotated, by their hash.';
COMMENT ON TYPE core.verdict IS 'What core.judge hands on: answers, and all that has to be written, as parallel arrays.';
COMMENT ON AGGREGATE core.lcm(numeric) IS 'The least common multiple of whole numbers.';

-- Decisions.
COMMENT ON FUNCTION api.consume(text, jsonb, boolean)
IS 'Decide requests of one customer in order, charge what is allowed, record every answer under its key.';
COMMENT ON FUNCTION api.consume_many(jsonb, boolean)
IS 'The same for many customers; those whose gate is held come back deferred.';
COMMENT ON FUNCTION api.reserve(text, jsonb, boolean)
IS 'Decide requests of one customer in order as consume does, and hold what it would charge.';
COMMENT ON FUNCTION api.reserve_many(jsonb, boolean)
IS 'The same for many customers; those whose gate is held come back deferred.';
COMMENT ON FUNCTION api.settle(text, jsonb, boolean)
IS 'Settle reservations of one customer: what has been used so far, in all.';
COMMENT ON FUNCTION api.settle_many(jsonb, boolean)
IS 'The same for many customers; those whose gate is held come back deferred.';
COMMENT ON FUNCTION api.release(text, jsonb)
IS 'Release reservations of one customer: what is still held returns.';
COMMENT ON FUNCTION api.release_many(jsonb)
IS 'The same for many customers; those whose gate is held come back deferred.';
COMMENT ON FUNCTION api.extend(text, jsonb, boolean)
IS 'Extend reservations of one customer.';
COMMENT ON FUNCTION api.extend_many(jsonb, boolean)
IS 'The same for many customers; those whose gate is held come back deferred.';
COMMENT ON FUNCTION api.check(text, jsonb, boolean)
IS 'What consume would answer now; nothing is locked, charged or recorded.';
COMMENT ON FUNCTION api.check_many(jsonb, boolean)
IS 'The same for many customers.';
COMMENT ON FUNCTION core.consume_batch(text, text, jsonb, boolean)
IS 'The one consumption: locks gates, books what is due, judges, writes.';
COMMENT ON FUNCTION core.judge(text, text, text [], boolean [], jsonb, timestamptz, boolean)
IS 'The one decider: reads, judges in memory, writes nothing.';
COMMENT ON FUNCTION core.subjects_below(integer [], text [], integer, text)
IS 'Whom a budget for each entity of a type counts on a path.';
COMMENT ON FUNCTION core.path_of_request(text, jsonb)
IS 'The entities a request names and all above them, also whom the policy would make.';
COMMENT ON FUNCTION core.payable_types(text, text [], jsonb, timestamptz)
IS 'The credit types that have a rate for all that a request asks.';
COMMENT ON FUNCTION core.uuid_prefix(date)
IS 'The first bytes of the earliest UUIDv7 of a day.';
COMMENT ON FUNCTION core.take_steps(
    text [], text [], bigint [], text [], text [], boolean [], integer [], timestamptz [], timestamptz, boolean
)
IS 'Settles, releases, extends and expires reservations whose gates are locked.';
COMMENT ON FUNCTION core.step_batch(text, text, jsonb, boolean)
IS 'Takes one kind of step of many reservations: locks gates, books what is due, takes the steps.';
COMMENT ON FUNCTION core.refuse_malformed_step(jsonb, text, text)
IS 'Raises UC100 for a list of steps of reservations that is malformed.';
COMMENT ON FUNCTION core.write_reservations(core.verdict)
IS 'Writes the reservations of a verdict that holds, each with its first step.';
COMMENT ON FUNCTION core.write_verdict(core.verdict)
IS 'Writes what was judged, one statement per table.';
COMMENT ON FUNCTION core.kept_figures(numeric, text, numeric, numeric, numeric, numeric)
IS 'How a kept answer ends a wallet''s figures.';
COMMENT ON FUNCTION core.shown_figures(numeric, numeric, numeric)
IS 'How an answer ends a wallet''s figures.';
COMMENT ON FUNCTION core.epoch_seconds(timestamptz)
IS 'When a window ends, as it is kept: whole seconds since 1970, rounded up.';
COMMENT ON FUNCTION core.show_answer(text, text, jsonb)
IS 'A recorded answer with ids in place of numbers.';
COMMENT ON FUNCTION core.differing_field(bytea, bytea)
IS 'The first field in which two fingerprints of requests differ.';
COMMENT ON FUNCTION core.exceeded_request_limit(jsonb, text, numeric [], integer)
IS 'Which of the amounts of a request is above what one request may ask.';
COMMENT ON FUNCTION core.entity_label(text, integer)
IS 'An entity''s id as JSON.';
COMMENT ON FUNCTION core.entity_no_of(text, text)
IS 'What a caller''s filter for an entity means.';
COMMENT ON FUNCTION core.json_instant(timestamptz)
IS 'An instant as JSON, in UTC; null for infinity.';
COMMENT ON FUNCTION core.json_end(timestamptz)
IS 'When a window ends, as JSON in whole seconds, rounded up.';
COMMENT ON FUNCTION core.refuse(integer, text, text, text)
IS 'Raises UC100 for one field of one item.';
COMMENT ON FUNCTION core.refuse_amount(jsonb, integer, text)
IS 'Raises UC100 unless a JSON value is an amount.';
COMMENT ON FUNCTION core.refuse_malformed(jsonb, text, timestamptz, boolean)
IS 'Raises UC100 for the first fault of a list of items.';
COMMENT ON FUNCTION core.refuse_malformed_item(jsonb, integer, text, timestamptz, boolean)
IS 'Raises UC100 for the first fault of one item, if it has any.';
COMMENT ON FUNCTION core.refuse_undeclared(jsonb, integer, bigint)
IS 'Raises UC100 for dimensions that a feature does not declare.';

-- The installation: identity, clock, partitions.
COMMENT ON FUNCTION core.clock()
IS 'The one clock of every rule; a test environment may move it.';
COMMENT ON FUNCTION core.identity()
IS 'Which history this server writes: cluster, timeline and database.';
COMMENT ON FUNCTION core.hold_identity(boolean)
IS 'Raises UC120 under another identity than the one known.';
COMMENT ON FUNCTION core.begin_writing()
IS 'What must be so before anything is written: isolation, a durable commit, identity.';
COMMENT ON FUNCTION core.begin_incarnation(text)
IS 'Begins a new incarnation under the identity of now; its number.';
COMMENT ON FUNCTION core.ensure_partitions(integer)
IS 'Makes the partitions of this month and those after it; how many were missing.';
COMMENT ON FUNCTION core.lock_history()
IS 'Lock the history tables for the making of partitions, all or none, without ever waiting long.';
COMMENT ON FUNCTION core.make_partition(text, text, text, date)
IS 'Makes one month''s partition and moves DEFAULT''s rows of that month into it.';
COMMENT ON FUNCTION core.refuse_change()
IS 'Trigger: raises UC910, since history is immutable.';

-- Reading.
COMMENT ON FUNCTION api.find_api_key(bytea)
IS 'The key with this hash, revoked and expired ones too.';
COMMENT ON FUNCTION api.touch_api_keys(text [], timestamptz [])
IS 'Note when keys were used last; how many moved.';
COMMENT ON FUNCTION api.read_installation()
IS 'What this database is, for whoever is about to serve from it.';
COMMENT ON FUNCTION api.read_newer_versions(text [], bigint [])
IS 'Versions of those of some customers who have another than is known.';
COMMENT ON FUNCTION api.read_balances(text [])
IS 'Versions and wallets of some customers, of one snapshot.';
COMMENT ON FUNCTION api.read_api_keys(jsonb, jsonb, integer)
IS 'A page of API keys by id.';
COMMENT ON FUNCTION api.read_credit_types(jsonb, jsonb, integer)
IS 'A page of credit types by id.';
COMMENT ON FUNCTION api.read_features(jsonb, jsonb, integer)
IS 'A page of features by id, as the newest catalogue has them.';
COMMENT ON FUNCTION api.read_rates(jsonb, jsonb, integer)
IS 'A page of rates, superseded ones too.';
COMMENT ON FUNCTION api.read_customers(jsonb, jsonb, integer)
IS 'A page of customers by id.';
COMMENT ON FUNCTION api.read_entities(text, jsonb, jsonb, integer)
IS 'A page of a customer''s entities in the order of their making.';
COMMENT ON FUNCTION api.read_wallets(text, jsonb, jsonb, integer)
IS 'A page of a customer''s wallets as they stand now.';
COMMENT ON FUNCTION api.read_grants(text, jsonb, jsonb, integer)
IS 'A page of a customer''s grants, the newest first.';
COMMENT ON FUNCTION api.read_audit_events(text, jsonb, jsonb, integer)
IS 'A page of who changed what, the newest first.';
COMMENT ON FUNCTION core.show_change(text, jsonb)
IS 'What a change says of its subject, with ids instead of numbers.';
COMMENT ON FUNCTION api.read_budgets(text, jsonb, jsonb, integer)
IS 'A page of a customer''s budgets, with what their subjects have used.';
COMMENT ON FUNCTION api.count_each(text [], text [])
IS 'How many entities budgets on each of a type count now.';
COMMENT ON FUNCTION core.count_below(text, integer, text)
IS 'How many entities of a type stand below one and are not archived.';
COMMENT ON FUNCTION api.read_budget_raises(text [], text [])
IS 'Raises of some budgets, those in force and those that ended, the newest first.';
COMMENT ON FUNCTION api.read_budget_tree(text, jsonb, jsonb, integer)
IS 'A page of what each subject of a customer''s budgets has used, with utilisation.';
COMMENT ON FUNCTION api.balances_at(text, jsonb)
IS 'What stood on every account of a customer''s wallets at a seq or an instant.';
COMMENT ON FUNCTION report.balances_at(text, jsonb)
IS 'A customer''s wallets as they stood at {"seq": …}, {"recordedAt": …} or {"effectiveAt": …}, a row each.';
COMMENT ON FUNCTION core.place_in_history(text, jsonb)
IS 'The seq after which past balances are asked for, and whether all that is due by then is booked.';
COMMENT ON FUNCTION core.wallets_at(text, bigint, timestamptz, timestamptz, integer)
IS 'What stood on the accounts of a customer''s wallets after an operation, and the overdraft limits of then.';
COMMENT ON FUNCTION api.read_ledger_entries(text, jsonb, jsonb, integer)
IS 'A page of a customer''s ledger, the newest first.';
COMMENT ON FUNCTION api.read_reservations(text, jsonb, jsonb, integer)
IS 'A page of a customer''s reservations, the newest first.';
COMMENT ON FUNCTION api.read_usage_events(text, jsonb, jsonb, integer)
IS 'A page of a customer''s usage events, the newest first.';
COMMENT ON FUNCTION api.read_decisions(text, jsonb, jsonb, integer)
IS 'A page of a customer''s recorded decisions with their figures; denials alone the newest first.';
COMMENT ON FUNCTION core.page_key(jsonb, text [])
IS 'Where a page begins: the key of the row before it.';
COMMENT ON FUNCTION core.counter_dues(text, timestamptz)
IS 'What expired holds that nobody has booked still hold of a customer''s counters.';
COMMENT ON FUNCTION core.entities_below(text, integer, integer, integer)
IS 'The entities that a filter by entity, parent or branch leaves over.';
COMMENT ON FUNCTION core.repaid_dues(text [], timestamptz [])
IS 'What pays the debts of wallets because time has come, and is not booked yet, in the order in which it will be.';
COMMENT ON FUNCTION core.due_seq(text, bigint, timestamptz)
IS 'Under which seq the end of a hold that has expired will be booked.';
COMMENT ON FUNCTION core.wallet_dues(text [])
IS 'What time has brought to wallets and is not booked yet.';
COMMENT ON FUNCTION core.report_clock()
IS 'core.clock for the views of report.';
COMMENT ON FUNCTION core.report_wallet_dues(text)
IS 'core.wallet_dues of one customer for the views of report.';
COMMENT ON FUNCTION core.report_grant_dues(text, timestamptz)
IS 'core.grant_dues for the views of report.';
COMMENT ON FUNCTION core.lot_ends(text, bigint, bigint, timestamptz)
IS 'How much of a lot had gone from its end, and how much that was spent had been returned, before an operation.';
COMMENT ON FUNCTION core.wallet_json(core.wallet, numeric, numeric, numeric, numeric, text, integer, integer)
IS 'A wallet as readers see it.';

-- What people read.
COMMENT ON VIEW report.chart_of_accounts IS 'The accounts that credits move between.';
COMMENT ON COLUMN report.chart_of_accounts.account IS 'Its name, as on ledger entries.';
COMMENT ON COLUMN report.chart_of_accounts.is_bounded IS 'Whether wallets hold it, with a balance on every entry; else it is the sum of its entries.';
COMMENT ON COLUMN report.chart_of_accounts.statement IS 'What it is to the books: ASSET, LIABILITY or INCOME.';
COMMENT ON COLUMN report.chart_of_accounts.increases_on IS 'DEBIT or CREDIT: the side that makes it larger. An entry debits the account it comes from.';
COMMENT ON COLUMN report.chart_of_accounts.money_account IS 'Where its money stands: DEFERRED_REVENUE, RECOGNISED_REVENUE, BREAKAGE, REFUNDABLE or BILLED.';
COMMENT ON COLUMN report.chart_of_accounts.meaning IS 'What it holds.';
COMMENT ON VIEW report.entry_kinds IS 'The kinds of movements of credits.';
COMMENT ON COLUMN report.entry_kinds.kind IS 'Its name, as on ledger entries.';
COMMENT ON COLUMN report.entry_kinds.from_accounts IS 'It comes from one of these …';
COMMENT ON COLUMN report.entry_kinds.to_accounts IS '… and goes to one of these.';
COMMENT ON COLUMN report.entry_kinds.meaning IS 'What has happened.';
COMMENT ON VIEW report.currencies IS 'Currencies whose smallest unit is not a hundredth.';
COMMENT ON COLUMN report.currencies.currency IS 'ISO 4217.';
COMMENT ON COLUMN report.currencies.decimals IS 'Digits after the point.';
COMMENT ON VIEW core.entry_effect IS 'What each ledger entry does to its lot: how much goes of it, to where of its money.';
COMMENT ON VIEW report.ledger IS 'Every movement of credits: who, what, when, how much, and its money at cost basis. Ask by customer_id, month or both.';
COMMENT ON COLUMN report.ledger.customer_id IS 'Whose it is.';
COMMENT ON COLUMN report.ledger.month IS 'Month of recorded_at in UTC, by its first day: nothing is added to one that is over.';
COMMENT ON COLUMN report.ledger.seq IS 'The operation it belongs to.';
COMMENT ON COLUMN report.ledger.leg IS 'Its place within the operation, from 1.';
COMMENT ON COLUMN report.ledger.recorded_at IS 'When it was recorded; never backwards along seq.';
COMMENT ON COLUMN report.ledger.effective_at IS 'When it took effect: earlier, for what was due and booked later.';
COMMENT ON COLUMN report.ledger.occurred_at IS 'When what was consumed had happened: earlier, for usage recorded afterwards.';
COMMENT ON COLUMN report.ledger.kind IS 'What moved it: see report.entry_kinds.';
COMMENT ON COLUMN report.ledger.from_account IS 'The account it comes from, which is debited.';
COMMENT ON COLUMN report.ledger.to_account IS 'The account it goes to, which is credited.';
COMMENT ON COLUMN report.ledger.from_wallet_id IS 'The wallet it comes from.';
COMMENT ON COLUMN report.ledger.to_wallet_id IS 'The wallet it goes to.';
COMMENT ON COLUMN report.ledger.entity_id IS 'Whose wallet it comes from; null: the customers own.';
COMMENT ON COLUMN report.ledger.credit_type IS 'Which kind of credit.';
COMMENT ON COLUMN report.ledger.grant_id IS 'Of which grant; null: overdraft and shortfall.';
COMMENT ON COLUMN report.ledger.units IS 'How many credits; always more than 0.';
COMMENT ON COLUMN report.ledger.from_balance_after IS 'Balance of the first account after it; null for an unbounded one.';
COMMENT ON COLUMN report.ledger.to_balance_after IS 'The same of the second account.';
COMMENT ON COLUMN report.ledger.actor IS 'Who made it: who called, the entity that consumed, or the clock.';
COMMENT ON COLUMN report.ledger.source IS 'On what ground: an invoice or what else was named, a usage event, a grant.';
COMMENT ON COLUMN report.ledger.currency IS 'Of the money.';
COMMENT ON COLUMN report.ledger.money IS 'At the grants cost basis, in the currencys smallest unit; 0 within one money account, null without a cost basis.';
COMMENT ON COLUMN report.ledger.to_grant_id IS 'The grant that a transfer makes of grant_id; else null.';
COMMENT ON COLUMN report.ledger.effective_month IS 'Month of effective_at in UTC, by its first day: for the books of a month, complete once it is closed.';
COMMENT ON VIEW report.ledger_legs IS 'report.ledger as debits and credits, two rows an entry.';
COMMENT ON COLUMN report.ledger_legs.customer_id IS 'Whose it is.';
COMMENT ON COLUMN report.ledger_legs.month IS 'Month of recorded_at in UTC, by its first day: nothing is added to one that is over.';
COMMENT ON COLUMN report.ledger_legs.seq IS 'The operation it belongs to.';
COMMENT ON COLUMN report.ledger_legs.leg IS 'The entrys place within the operation.';
COMMENT ON COLUMN report.ledger_legs.side IS 'DEBIT or CREDIT.';
COMMENT ON COLUMN report.ledger_legs.recorded_at IS 'When it was recorded.';
COMMENT ON COLUMN report.ledger_legs.effective_at IS 'When it took effect.';
COMMENT ON COLUMN report.ledger_legs.kind IS 'What moved it.';
COMMENT ON COLUMN report.ledger_legs.account IS 'The account that is debited or credited.';
COMMENT ON COLUMN report.ledger_legs.money_account IS 'Where the accounts money stands: see report.chart_of_accounts.';
COMMENT ON COLUMN report.ledger_legs.wallet_id IS 'The wallet the account is of.';
COMMENT ON COLUMN report.ledger_legs.credit_type IS 'Which kind of credit.';
COMMENT ON COLUMN report.ledger_legs.grant_id IS 'Of which grant: of a transfer, on the credit side, the one it makes.';
COMMENT ON COLUMN report.ledger_legs.units_debit IS 'Credits, on the debit side.';
COMMENT ON COLUMN report.ledger_legs.units_credit IS 'Credits, on the credit side.';
COMMENT ON COLUMN report.ledger_legs.balance_after IS 'Balance of the account after it; null for an unbounded one.';
COMMENT ON COLUMN report.ledger_legs.actor IS 'Who made it.';
COMMENT ON COLUMN report.ledger_legs.source IS 'On what ground.';
COMMENT ON COLUMN report.ledger_legs.currency IS 'Of the money.';
COMMENT ON COLUMN report.ledger_legs.money_debit IS 'Money, on the debit side.';
COMMENT ON COLUMN report.ledger_legs.money_credit IS 'Money, on the credit side.';
COMMENT ON COLUMN report.ledger_legs.effective_month IS 'Month of effective_at in UTC, by its first day: for the books of a month, complete once it is closed.';
COMMENT ON VIEW report.balances IS 'Every wallet as it stands now, with what time has brought, booked or not.';
COMMENT ON COLUMN report.balances.customer_id IS 'Whose it is.';
COMMENT ON COLUMN report.balances.wallet_id IS 'Its id.';
COMMENT ON COLUMN report.balances.entity_id IS 'The entity that has it; null: the customers own.';
COMMENT ON COLUMN report.balances.credit_type IS 'Which kind of credit.';
COMMENT ON COLUMN report.balances.scheduled IS 'Granted and not effective yet.';
COMMENT ON COLUMN report.balances.available IS 'Granted, effective and unspent.';
COMMENT ON COLUMN report.balances.held IS 'Held by reservations.';
COMMENT ON COLUMN report.balances.leased IS 'Leased to sidecars.';
COMMENT ON COLUMN report.balances.settled IS 'available + held + leased: all that was granted and is not gone.';
COMMENT ON COLUMN report.balances.owed IS 'Consumed on overdraft, and not repaid yet.';
COMMENT ON COLUMN report.balances.shortfall IS 'Consumed and recorded although nothing paid for it.';
COMMENT ON COLUMN report.balances.receivable IS 'Spent of grants whose payment was taken back.';
COMMENT ON COLUMN report.balances.overdraft_limit IS 'How much it may owe.';
COMMENT ON COLUMN report.balances.seq IS 'The customers last operation.';
COMMENT ON COLUMN report.balances.as_of IS 'The instant it is told for.';
COMMENT ON VIEW report.grants IS 'Every grant: its terms, and where it stands now.';
COMMENT ON COLUMN report.grants.customer_id IS 'Whose it is.';
COMMENT ON COLUMN report.grants.grant_id IS 'Its id, as on ledger entries.';
COMMENT ON COLUMN report.grants.wallet_id IS 'The wallet it is in.';
COMMENT ON COLUMN report.grants.entity_id IS 'The entity that has the wallet; null: the customers own.';
COMMENT ON COLUMN report.grants.credit_type IS 'Which kind of credit.';
COMMENT ON COLUMN report.grants.kind IS 'PAID, PROMOTIONAL, RECURRING or ADJUSTMENT.';
COMMENT ON COLUMN report.grants.status IS 'VOIDED, EXPIRED, PENDING_PAYMENT, EXHAUSTED, SCHEDULED or ACTIVE.';
COMMENT ON COLUMN report.grants.priority IS 'From 0, which burns first, to 100.';
COMMENT ON COLUMN report.grants.effective_at IS 'From when it can be burned.';
COMMENT ON COLUMN report.grants.expires_at IS 'Until when; null: it never expires.';
COMMENT ON COLUMN report.grants.feature_ids IS 'The features that alone may burn it; null: any.';
COMMENT ON COLUMN report.grants.amount IS 'How many credits were granted.';
COMMENT ON COLUMN report.grants.remaining IS 'What is left of it, and not held.';
COMMENT ON COLUMN report.grants.held IS 'What reservations hold of it.';
COMMENT ON COLUMN report.grants.cost_basis IS 'What one credit cost; null: not told.';
COMMENT ON COLUMN report.grants.currency IS 'Of the cost basis.';
COMMENT ON COLUMN report.grants.source IS 'On what ground it was made: an invoice, a promotion.';
COMMENT ON COLUMN report.grants.from_grant_id IS 'The grant it was made of, by a transfer or a reversal.';
COMMENT ON COLUMN report.grants.created_at IS 'When it was made.';
COMMENT ON COLUMN report.grants.voided_at IS 'When what was left of it was taken back, if so.';
COMMENT ON COLUMN report.grants.charged_back_at IS 'When its payment was taken back, if so.';
COMMENT ON COLUMN report.grants.as_of IS 'The instant it is told for.';
COMMENT ON VIEW report.reservations IS 'Every reservation as it stands now, a row for each credit type.';
COMMENT ON COLUMN report.reservations.customer_id IS 'Whose it is.';
COMMENT ON COLUMN report.reservations.reservation_id IS 'Its id.';
COMMENT ON COLUMN report.reservations.credit_type IS 'Which kind of credit; null: it costs nothing.';
COMMENT ON COLUMN report.reservations.state IS 'HELD, SETTLED, RELEASED or EXPIRED; expired as soon as it is, booked or not.';
COMMENT ON COLUMN report.reservations.held IS 'What it still holds.';
COMMENT ON COLUMN report.reservations.settled IS 'What was settled so far and paid for; what was reversed since is in it.';
COMMENT ON COLUMN report.reservations.shortfall IS 'What was settled and nothing paid for.';
COMMENT ON COLUMN report.reservations.reserved_at IS 'When it was made.';
COMMENT ON COLUMN report.reservations.expires_at IS 'When it ends by itself.';
COMMENT ON COLUMN report.reservations.feature_id IS 'Which feature is used.';
COMMENT ON COLUMN report.reservations.entity_ids IS 'The entities that were named; none: the customer.';
COMMENT ON COLUMN report.reservations.session_id IS 'Which session, if one was named.';
COMMENT ON VIEW report.audit_event_kinds IS 'The kinds of changes of configuration.';
COMMENT ON COLUMN report.audit_event_kinds.kind IS 'Its name, as on audit events.';
COMMENT ON COLUMN report.audit_event_kinds.subject_type IS 'What the subject of such a change is.';
COMMENT ON COLUMN report.audit_event_kinds.meaning IS 'What has happened.';
COMMENT ON VIEW report.audit_events IS 'Who changed what, when, with what stood before and after.';
COMMENT ON COLUMN report.audit_events.customer_id IS 'Whose it is; null: the whole installation.';
COMMENT ON COLUMN report.audit_events.seq IS 'The operation of the customer; null for the installation.';
COMMENT ON COLUMN report.audit_events.change_id IS 'Of a change of the installation; else null.';
COMMENT ON COLUMN report.audit_events.recorded_at IS 'When it was recorded.';
COMMENT ON COLUMN report.audit_events.effective_at IS 'When it took effect: earlier, for what was due and booked later.';
COMMENT ON COLUMN report.audit_events.kind IS 'What was done: see report.audit_event_kinds.';
COMMENT ON COLUMN report.audit_events.subject_type IS 'What was changed: CUSTOMER, ENTITY, BUDGET, FEATURE and so on.';
COMMENT ON COLUMN report.audit_events.subject IS 'Its id, as it is now.';
COMMENT ON COLUMN report.audit_events.actor IS 'Who did it: a key, the command line, the clock, or the policy for unknown entities.';
COMMENT ON COLUMN report.audit_events.before IS 'What stood there, as it was recorded: entities, wallets and budgets by number.';
COMMENT ON COLUMN report.audit_events.after IS 'What stands there since; of a raise its reason too.';
COMMENT ON VIEW report.budget_raises IS 'Raises of budgets: how much, until when, by whom and why.';
COMMENT ON COLUMN report.budget_raises.customer_id IS 'Whose it is.';
COMMENT ON COLUMN report.budget_raises.budget_id IS 'Which budget.';
COMMENT ON COLUMN report.budget_raises.raise_id IS 'Which raise: the seq that made it.';
COMMENT ON COLUMN report.budget_raises.amount IS 'How much was added to the limit.';
COMMENT ON COLUMN report.budget_raises.until IS 'When it was to end.';
COMMENT ON COLUMN report.budget_raises.raised_by IS 'Who raised: a key, the command line.';
COMMENT ON COLUMN report.budget_raises.reason IS 'Why; forgotten with the entity the budget stands on.';
COMMENT ON COLUMN report.budget_raises.created_at IS 'When it began.';
COMMENT ON COLUMN report.budget_raises.ended_at IS 'When it ended; null: it is in force.';
COMMENT ON VIEW report.budget_versions IS 'Which rule of a budget was in force at which seq.';
COMMENT ON COLUMN report.budget_versions.customer_id IS 'Whose it is.';
COMMENT ON COLUMN report.budget_versions.budget_id IS 'Which budget.';
COMMENT ON COLUMN report.budget_versions.version IS 'Counts up whenever its rule is changed, paused, resumed or archived; raises leave it.';
COMMENT ON COLUMN report.budget_versions.from_seq IS 'The first operation that found it so; null: the end of a raise that is not booked yet.';
COMMENT ON COLUMN report.budget_versions.to_seq IS 'The last one; null: until now.';
COMMENT ON COLUMN report.budget_versions.in_force_from IS 'When it began: when from_seq was recorded, or the raise ended.';
COMMENT ON COLUMN report.budget_versions.in_force_until IS 'When the next one began; null: not yet.';
COMMENT ON COLUMN report.budget_versions.mode IS 'HARD, SOFT or OBSERVE.';
COMMENT ON COLUMN report.budget_versions.base_limit IS 'The limit as it was set.';
COMMENT ON COLUMN report.budget_versions.raised IS 'Raises in force.';
COMMENT ON COLUMN report.budget_versions.limit_in_force IS 'base_limit + raised: what it was held to.';
COMMENT ON COLUMN report.budget_versions.is_active IS 'Whether it bound and counted: not paused nor archived.';
COMMENT ON COLUMN report.budget_versions.archived_at IS 'When it was archived, if so.';
COMMENT ON COLUMN report.budget_versions.advice IS 'What callers near the limit were told.';
COMMENT ON COLUMN report.budget_versions.thresholds IS 'Shares of the limit in force at which an alert was due; null: none.';
COMMENT ON COLUMN report.budget_versions.entity_id IS 'Where it stands; null: on the customer.';
COMMENT ON COLUMN report.budget_versions.subject IS 'ENTITY, EACH or SESSION: whom it counts.';
COMMENT ON COLUMN report.budget_versions.each_type IS 'Type of entity that is counted each.';
COMMENT ON COLUMN report.budget_versions.measure IS 'CREDITS or QUANTITY.';
COMMENT ON COLUMN report.budget_versions.credit_type IS 'Of which credits.';
COMMENT ON COLUMN report.budget_versions.feature_id IS 'Only for this feature.';
COMMENT ON COLUMN report.budget_versions.quantity IS 'Which quantity of the feature.';
COMMENT ON COLUMN report.budget_versions.dimensions IS 'Only requests that carry these values count.';
COMMENT ON COLUMN report.budget_versions.budget_window IS 'The period it counts over.';
COMMENT ON COLUMN report.budget_versions.anchor_at IS 'Where windows begin; null: by the calendar.';
COMMENT ON COLUMN report.budget_versions.time_zone IS 'IANA zone of the calendar.';
COMMENT ON COLUMN report.budget_versions.changed_by IS 'What began this row: BUDGET, RAISE or RAISE_ENDED.';
COMMENT ON COLUMN report.budget_versions.actor IS 'Who did.';
