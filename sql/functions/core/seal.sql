-- Seals a customer's history: goes on from where its chain ends, up to an operation. What has been recorded is never
-- changed, so it takes no gate and holds up nobody; only another sealer of the same customer waits, and then finds it done.
--
--   p_up_to_seq  NULL is up to now
--
-- Returns how many operations it sealed. Raises UC101 for a customer that does not exist, UC110 and UC120 as
-- core.begin_writing does.
CREATE OR REPLACE FUNCTION core.seal(p_customer_id text, p_up_to_seq bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_last core.seal;
  v_next core.seal;
  v_from bigint;
  v_to bigint;
  v_until timestamptz;
  v_at timestamptz;
  v_op record;
BEGIN
  PERFORM core.begin_writing();
  -- Read after the lock: READ COMMITTED, so the next statement sees what the sealer before has committed.
  PERFORM pg_advisory_xact_lock(hashtext('core.seal'), hashtext(p_customer_id));
  SELECT least(p_up_to_seq, g.seq) INTO v_to FROM core.gate AS g WHERE g.customer_id = p_customer_id;
  IF NOT FOUND THEN
    PERFORM core.refuse_faults(core.fault('customerId', 'NOT_FOUND', format('there is no customer %s', p_customer_id)));
  END IF;
  SELECT * INTO v_last FROM core.seal WHERE customer_id = p_customer_id ORDER BY from_seq DESC LIMIT 1;
  v_from := coalesce(v_last.to_seq, 0) + 1;
  IF v_from > v_to THEN
    RETURN 0;
  END IF;
  -- The instant of the last one, by all that is known of it but its key.
  SELECT max(r.recorded_at) INTO v_until FROM core.sealed_rows(p_customer_id, v_to - 1, v_to, 'infinity', '-infinity') AS r;

  v_next := (v_from, v_from - 1, coalesce(v_last.recorded_at, '-infinity'), p_customer_id,
             coalesce(v_last.head, core.seal_root(p_customer_id)), '{}');
  FOR v_op IN
    SELECT n.seq, o.recorded_at, coalesce(o.digests, '') AS digests, o.marks
    FROM generate_series(v_from, v_to) AS n (seq)
    LEFT JOIN core.sealed_operations(p_customer_id, v_from - 1, v_to, v_next.recorded_at, coalesce(v_until, 'infinity')) AS o ON o.seq = n.seq
    ORDER BY n.seq
  LOOP
    v_next.head := sha256(v_next.head || v_op.digests);
    v_next.marks := v_next.marks || v_op.marks;
    v_at := greatest(v_at, v_op.recorded_at);
    v_next.to_seq := v_op.seq;
    IF v_op.seq % 64 = 0 OR v_op.seq = v_to THEN
      v_next.recorded_at := coalesce(v_at, v_next.recorded_at);
      INSERT INTO core.seal SELECT v_next.*;
      v_at := NULL;
      v_next.from_seq := v_op.seq + 1;
      v_next.marks := '{}';
    END IF;
  END LOOP;
  RETURN v_to - v_from + 1;
END
$$;
