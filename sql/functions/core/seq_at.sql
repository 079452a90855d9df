-- The seq of a customer's last ledger entry that was recorded at an instant or before it; 0: there is none. Since time never
-- runs backwards along seq, it is found by halves, between the openings around the instant.
CREATE OR REPLACE FUNCTION core.seq_at(p_customer_id text, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_low bigint := 0;
  v_high bigint;
  v_begins_at timestamptz := '-infinity';
  v_middle bigint;
  v_seq bigint;
  v_recorded_at timestamptz;
BEGIN
  SELECT m.last_seq, m.month::timestamp AT TIME ZONE 'UTC' INTO v_low, v_begins_at FROM core.customer_month AS m
  WHERE m.customer_id = p_customer_id AND m.month::timestamp AT TIME ZONE 'UTC' <= p_at ORDER BY m.month DESC LIMIT 1;
  IF NOT FOUND THEN
    v_low := 0;
    v_begins_at := '-infinity';
  END IF;
  v_high := coalesce(
    (SELECT m.last_seq FROM core.customer_month AS m
     WHERE m.customer_id = p_customer_id AND m.month::timestamp AT TIME ZONE 'UTC' > p_at ORDER BY m.month LIMIT 1),
    (SELECT g.seq FROM core.gate AS g WHERE g.customer_id = p_customer_id), 0);
  -- v_low is such an entry, or 0; above v_high there is none.
  WHILE v_low < v_high LOOP
    v_middle := (v_low + v_high + 1) / 2;
    SELECT e.seq, e.recorded_at INTO v_seq, v_recorded_at FROM core.ledger_entry AS e
    WHERE e.customer_id = p_customer_id AND e.seq >= v_middle AND e.seq <= v_high AND e.recorded_at >= v_begins_at
    ORDER BY e.seq LIMIT 1;
    IF v_recorded_at <= p_at THEN
      v_low := v_seq;
    ELSE
      v_high := v_middle - 1;
    END IF;
  END LOOP;
  RETURN v_low;
END
$$;
