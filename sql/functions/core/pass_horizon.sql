-- How many transactions are still under way that may have begun before a month was to be opened or closed; 0: none, and all
-- that begin from now on know of it. The caller holds the month's row.
--
-- The instants that decide of a month stand on core.installation. Whoever writes reads them after it has taken a gate, so
-- it has a transaction number by then, smaller than one that is drawn after they were set and committed: the horizon.
-- It is drawn by the first call that finds none (which answers 1: come again), in another transaction than that which set them.
-- Numbers belong to the whole cluster: one that another database's session is known to hold is no concern of this one.
CREATE OR REPLACE FUNCTION core.pass_horizon(p_month date) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_month core.month;
  v_identity text := core.identity();
  v_horizon xid8;
BEGIN
  SELECT * INTO v_month FROM core.month WHERE month = p_month;
  IF v_month.horizon IS NULL OR v_month.horizon_identity <> v_identity THEN
    v_horizon := pg_current_xact_id();
    UPDATE core.month SET horizon = v_horizon, horizon_identity = v_identity WHERE month = p_month;
    RETURN 1;
  END IF;
  RETURN (
    SELECT count(*) FROM pg_snapshot_xip(pg_current_snapshot()) AS running (xid)
    WHERE running.xid < v_month.horizon AND NOT EXISTS (
      SELECT FROM pg_locks AS l
      JOIN pg_stat_activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted AND l.transactionid = running.xid::xid
        AND a.datid <> (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())));
END
$$;
