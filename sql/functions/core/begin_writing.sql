-- What must be so before anything is written for a customer.
--
-- READ COMMITTED, since every statement after a lock must see what the lock waited for. A durable commit, on the
-- standby too where there is one to wait for, whatever the session asked for; and its warning, should that wait be
-- cut short, since it is all that tells of it. Set in the body, because as a clause of a function it would be
-- undone before the commit. And the history this server writes must be the one that is known here.
--
-- Raises UC110 and UC120.
CREATE OR REPLACE FUNCTION core.begin_writing() RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'decisions are made in READ COMMITTED transactions, this one is %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'UC110', HINT = 'leave default_transaction_isolation at read committed';
  END IF;
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  PERFORM core.hold_identity();
END
$$;
