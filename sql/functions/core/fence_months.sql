-- Puts a fence on the partitions of all months up to one: whatever is written into them is asked whether its month is closed. The
-- months still open are not asked, so this costs a consumption nothing. Raises 55P03 where a partition cannot be locked in time.
CREATE OR REPLACE FUNCTION core.fence_months(p_month date) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
  v_partition text;
  v_column text;
BEGIN
  FOR v_partition, v_column IN
    SELECT c.relname, t.by
    FROM (VALUES ('ledger_entry', 'effective_at'), ('usage_event', 'occurred_at')) AS t (name, by)
    JOIN pg_inherits AS i ON i.inhparent = ('core.' || t.name)::regclass
    JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE c.relname ~ '_\d{4}_\d\d$' AND to_date(right(c.relname, 7), 'YYYY_MM') <= p_month
      AND NOT EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = c.oid AND g.tgname = c.relname || '_is_closed')
    ORDER BY c.relname
  LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON core.%I FOR EACH ROW EXECUTE FUNCTION core.refuse_closed(%L)',
                   v_partition || '_is_closed', v_partition, v_column);
  END LOOP;
END
$$;
