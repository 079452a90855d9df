-- Makes the partitions of this month and the three after it, wherever one is missing. What a DEFAULT
-- partition holds of a month moves into it in the same transaction, since a partition cannot be made
-- beside rows that belong to it.
--
-- Called by migrate, up and serve (upkeep.sql), the maintenance job, and whatever moves a test clock.
CREATE OR REPLACE FUNCTION core.ensure_partitions(p_months integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  v_month date;
  v_table text;
  v_column text;
  v_partition text;
  v_made integer := 0;
BEGIN
  FOR v_month IN
    SELECT generate_series(date_trunc('month', core.clock()),
                           date_trunc('month', core.clock()) + make_interval(months => p_months), '1 month')
  LOOP
    FOR v_table, v_column IN
      VALUES ('ledger_entry', 'recorded_at'), ('usage_event', 'recorded_at'), ('idempotency', 'key_month')
    LOOP
      v_partition := v_table || to_char(v_month, '"_"YYYY"_"MM');
      CONTINUE WHEN to_regclass('core.' || v_partition) IS NOT NULL;
      PERFORM core.make_partition(v_table, v_column, v_partition, v_month);
      v_made := v_made + 1;
    END LOOP;
  END LOOP;
  RETURN v_made;
END
$$;
