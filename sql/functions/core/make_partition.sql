-- Makes one month's partition of one table and moves DEFAULT's rows of that month into it. The caller holds
-- core.lock_history.
CREATE OR REPLACE FUNCTION core.make_partition(p_table text, p_column text, p_partition text, p_month date)
RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  v_next date := p_month + interval '1 month';
  v_stray boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM core.%I WHERE %I >= %L AND %I < %L)',
                 p_table || '_default', p_column, p_month, p_column, v_next) INTO v_stray;
  EXECUTE format('CREATE TABLE core.%I (LIKE core.%I INCLUDING ALL)', p_partition, p_table);
  IF p_column = 'key_month' THEN
    -- A UUIDv7 is compared with the month's first and the next one's, as in core.judge; any other key is read.
    EXECUTE format('ALTER TABLE core.%I ADD CONSTRAINT idempotency_month_is_the_keys CHECK ('
                   'length(key) = 16 AND key >= %L AND key < %L AND substr(key, 7, 1) BETWEEN %L AND %L AND substr(key, 9, 1) BETWEEN %L AND %L '
                   'OR key_month IS NOT DISTINCT FROM core.month_in_key(core.key_text(key)))',
                   p_partition, core.uuid_prefix(p_month), core.uuid_prefix(v_next), '\x70'::bytea, '\x7f'::bytea, '\x80'::bytea, '\xbf'::bytea);
  END IF;
  IF v_stray THEN
    EXECUTE format('INSERT INTO core.%I SELECT * FROM core.%I WHERE %I >= %L AND %I < %L',
                   p_partition, p_table || '_default', p_column, p_month, p_column, v_next);
    -- The one place that takes rows out of a history table: they are in the month's partition already.
    EXECUTE format('ALTER TABLE core.%I DISABLE TRIGGER USER', p_table || '_default');
    EXECUTE format('DELETE FROM core.%I WHERE %I >= %L AND %I < %L',
                   p_table || '_default', p_column, p_month, p_column, v_next);
    EXECUTE format('ALTER TABLE core.%I ENABLE TRIGGER USER', p_table || '_default');
  END IF;
  EXECUTE format('ALTER TABLE core.%I ATTACH PARTITION core.%I FOR VALUES FROM (%L) TO (%L)',
                 p_table, p_partition, p_month, v_next);
  -- Attaching brings the triggers of rows along, but not that of a statement.
  EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON core.%I FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change()',
                 p_partition || '_is_kept', p_partition);
END
$$;
