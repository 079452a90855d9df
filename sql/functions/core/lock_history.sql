-- Locks the history tables against everybody, so that a partition can be made; all of them or none.
--
-- Whoever consumes or reads holds some of them and wants others, in an order of its own, so waiting for one while
-- holding another would be a deadlock, and it might be the consumption that Postgres ends. So no wait here is as long as
-- deadlock_timeout (one second): what is not had in a moment is given up, with all that was had, and tried again
-- after a pause in which everybody else goes on. The pause is by chance: a reader who comes again and again waits for what
-- is wanted here, so with even pauses both would keep step, and meet at the same place every time.
--
-- Raises 55P03 if somebody holds one of them all the time.
CREATE OR REPLACE FUNCTION core.lock_history() RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '150ms'
AS $$
BEGIN
  FOR v_attempt IN 1 .. 60 LOOP
    BEGIN
      -- Whoever comes through a parent is kept out by it; DEFAULT is vacuumed, and looked at, by itself too.
      LOCK TABLE ONLY core.idempotency, ONLY core.usage_event, ONLY core.ledger_entry,
        core.idempotency_default, core.usage_event_default, core.ledger_entry_default IN ACCESS EXCLUSIVE MODE;
      RETURN;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      PERFORM pg_sleep(random() * least(0.04 * v_attempt, 1));
    END;
  END LOOP;
  RAISE EXCEPTION 'no partitions can be made: somebody uses the history tables all the time'
    USING ERRCODE = 'lock_not_available', HINT = 'look for long transactions in pg_stat_activity, and try again';
END
$$;
