-- Makes the partitions of this month and the three after it, wherever one is missing. What a DEFAULT
-- partition holds of a month moves into it in the same transaction, since a partition cannot be made
-- beside rows that belong to it.
--
-- Called by migrate and up (upkeep.sql), every process of the API (api.ensure_partitions), and whatever moves a test clock. Where nothing is
-- missing, and that is nearly always, nothing is locked. Returns how many were made. Raises 55P03.
CREATE OR REPLACE FUNCTION core.ensure_partitions(p_months integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  v_table text;
  v_column text;
  v_partition text;
  v_month date;
  v_made integer := 0;
BEGIN
  FOR v_table, v_column, v_partition, v_month IN
    SELECT t.name, t.by, t.name || to_char(m.month, '"_"YYYY"_"MM'), m.month
    FROM generate_series(date_trunc('month', core.clock()),
                         date_trunc('month', core.clock()) + make_interval(months => p_months), '1 month') AS m (month),
         (VALUES ('ledger_entry', 'recorded_at'), ('usage_event', 'recorded_at'), ('idempotency', 'key_month')) AS t (name, by)
  LOOP
    CONTINUE WHEN to_regclass('core.' || v_partition) IS NOT NULL;
    IF v_made = 0 THEN
      PERFORM core.lock_history();
      CONTINUE WHEN to_regclass('core.' || v_partition) IS NOT NULL; -- somebody else was faster
    END IF;
    PERFORM core.make_partition(v_table, v_column, v_partition, v_month);
    v_made := v_made + 1;
  END LOOP;
  RETURN v_made;
END
$$;
