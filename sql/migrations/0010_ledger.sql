-- What makes the ledger a book that can be closed: who moved credits, how each month began, and which months are over.

-- Three instants, each the end of a month or null, that every decision finds in the row it reads anyway.
--   clock_floor   nothing is recorded before it: the start of the newest month that was opened, or is being closed to
--   open_from     nothing that is recorded may have happened before it: the end of the last month that was, or is being, closed
--   closed_until  no row is written that was recorded, took effect or happened before it: the end of the last closed month
ALTER TABLE core.installation ADD COLUMN clock_floor timestamptz;
ALTER TABLE core.installation ADD COLUMN open_from timestamptz;
ALTER TABLE core.installation ADD COLUMN closed_until timestamptz;

-- One row for each month that was opened or closed, or where that is under way.
CREATE TABLE core.month (
  month            date        NOT NULL,
  -- Openings: when they were begun and done, and the last customer that has his, in the order of their ids.
  opening_began_at timestamptz,
  opened_to        text,
  opened_at        timestamptz,
  closing_began_at timestamptz,
  closed_at        timestamptz,
  closed_by        text,
  -- Transactions below it may have begun before the month was to be opened, or closed: they are waited for. A number of
  -- that server's transactions, hence its identity.
  horizon          xid8,
  horizon_identity text,
  CONSTRAINT month_pkey PRIMARY KEY (month),
  CONSTRAINT month_begins_on_the_first CHECK (extract(DAY FROM month) = 1),
  CONSTRAINT month_is_closed_by_somebody CHECK ((closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL OR closing_began_at IS NOT NULL))
);

-- How a month begins for a customer: after which of his entries. Written when nothing can be recorded before it any more.
CREATE TABLE core.customer_month (
  customer_id text   NOT NULL,
  month       date   NOT NULL,
  -- The seq of the last ledger entry before it; 0: there is none.
  last_seq    bigint NOT NULL,
  CONSTRAINT customer_month_pkey PRIMARY KEY (customer_id, month)
);

-- With what: one row for each account that was ever touched.
CREATE TABLE core.opening (
  customer_id text          NOT NULL,
  month       date          NOT NULL,
  wallet_no   integer       NOT NULL,
  account     core.account  NOT NULL,
  balance     numeric(38,9) NOT NULL,
  -- The seq of the last entry that touched it.
  last_seq    bigint        NOT NULL,
  CONSTRAINT opening_pkey PRIMARY KEY (customer_id, month, wallet_no, account),
  CONSTRAINT opening_balance_in_range CHECK (balance >= 0 AND balance < 1e29)
);

-- … and one for each grant of which something was left: how much of it had gone, since money at cost basis is cumulative.
CREATE TABLE core.opening_grant (
  customer_id text          NOT NULL,
  month       date          NOT NULL,
  grant_no    bigint        NOT NULL,
  gone        numeric(38,9) NOT NULL,
  CONSTRAINT opening_grant_pkey PRIMARY KEY (customer_id, month, grant_no),
  CONSTRAINT opening_grant_gone_in_range CHECK (gone >= 0 AND gone < 1e29)
);

-- Who moved credits, and on what ground, where no usage event says so: grants and what is done with them. In the history's place,
-- since a grant's own row is written anew with every burn.
CREATE TABLE core.ledger_origin (
  customer_id text   NOT NULL,
  seq         bigint NOT NULL,
  actor       text   NOT NULL,
  source      text,
  CONSTRAINT ledger_origin_pkey PRIMARY KEY (customer_id, seq)
);

-- Of a part of another grant, moved to another wallet: how many units of the first grant of all had gone before it. Its money
-- goes on there, so that the parts of a lot close to exactly zero together. Null: it is no part.
ALTER TABLE core.credit_grant ADD COLUMN lot_offset numeric(38,9)
CONSTRAINT credit_grant_lot_offset_in_range CHECK (lot_offset >= 0 AND lot_offset < 1e29);

-- What was booked later than it took effect: nothing that a consumption writes. (A partitioned table takes no index
-- concurrently, and until the first tag none has rows.)
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_entry_booked_late ON core.ledger_entry (customer_id, recorded_at) WHERE effective_at IS NOT NULL;

CREATE TRIGGER customer_month_is_immutable BEFORE UPDATE OR DELETE ON core.customer_month
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER opening_is_immutable BEFORE UPDATE OR DELETE ON core.opening
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER opening_grant_is_immutable BEFORE UPDATE OR DELETE ON core.opening_grant
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER ledger_origin_is_immutable BEFORE UPDATE OR DELETE ON core.ledger_origin
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER customer_month_is_kept BEFORE TRUNCATE ON core.customer_month
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER opening_is_kept BEFORE TRUNCATE ON core.opening
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER opening_grant_is_kept BEFORE TRUNCATE ON core.opening_grant
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER ledger_origin_is_kept BEFORE TRUNCATE ON core.ledger_origin
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

-- The last fence of a closed month. Its argument is the column, beside recorded_at, whose time counts.
CREATE FUNCTION core.refuse_closed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_at timestamptz := NEW.recorded_at;
  v_closed_until timestamptz := (SELECT closed_until FROM core.installation);
BEGIN
  IF TG_ARGV[0] = 'effective_at' THEN
    v_at := least(v_at, NEW.effective_at);
  ELSE
    v_at := least(v_at, NEW.occurred_at);
  END IF;
  IF v_at < v_closed_until THEN
    RAISE EXCEPTION 'books are closed until %, and this is of %', v_closed_until, v_at
      USING ERRCODE = 'UC911', DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'closedUntil', v_closed_until, 'at', v_at)::text;
  END IF;
  RETURN NEW;
END
$$;
-- Asked only for rows that say another time than that they are recorded at. A closed month's own partition gets a fence for
-- every row when it is closed; what has no partition is asked always. AFTER, since before a row Postgres would look at its
-- partition's bounds once more.
CREATE TRIGGER ledger_entry_not_in_a_closed_month AFTER INSERT ON core.ledger_entry
  FOR EACH ROW WHEN (NEW.effective_at IS NOT NULL) EXECUTE FUNCTION core.refuse_closed('effective_at');
CREATE TRIGGER usage_event_not_in_a_closed_month AFTER INSERT ON core.usage_event
  FOR EACH ROW WHEN (NEW.occurred_at IS NOT NULL AND NEW.occurred_at < date_trunc('month', NEW.recorded_at, 'UTC'))
  EXECUTE FUNCTION core.refuse_closed('occurred_at');
CREATE TRIGGER ledger_entry_default_is_fenced BEFORE INSERT ON core.ledger_entry_default
  FOR EACH ROW EXECUTE FUNCTION core.refuse_closed('effective_at');
CREATE TRIGGER usage_event_default_is_fenced BEFORE INSERT ON core.usage_event_default
  FOR EACH ROW EXECUTE FUNCTION core.refuse_closed('occurred_at');
CREATE TRIGGER change_not_in_a_closed_month BEFORE INSERT ON core.change
  FOR EACH ROW EXECUTE FUNCTION core.refuse_closed('effective_at');
CREATE TRIGGER reservation_step_not_in_a_closed_month BEFORE INSERT ON core.reservation_step
  FOR EACH ROW WHEN (NEW.effective_at IS NOT NULL) EXECUTE FUNCTION core.refuse_closed('effective_at');
