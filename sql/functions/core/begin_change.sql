-- Begins a change of one customer's rows: locks its gate, books what time has brought, and returns the gate as it
-- then is, with last_at the instant of the change. The caller changes what it likes of that row and hands it to
-- core.end_change.
--
-- Raises UC101 for a customer that does not exist, UC110 and UC120 as core.begin_writing does.
CREATE OR REPLACE FUNCTION core.begin_change(p_customer_id text) RETURNS core.gate
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate;
  v_at timestamptz;
BEGIN
  PERFORM core.begin_writing();
  SELECT * INTO v_gate FROM core.gate WHERE customer_id = p_customer_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    PERFORM core.refuse_faults(core.fault('customerId', 'NOT_FOUND', format('there is no customer %s', p_customer_id)));
  END IF;
  v_at := greatest(core.clock(), v_gate.last_at);
  IF v_gate.next_due_at <= v_at THEN
    PERFORM core.book_due(ARRAY[p_customer_id], v_at, 500);
    SELECT * INTO v_gate FROM core.gate WHERE customer_id = p_customer_id;
  END IF;
  v_gate.last_at := v_at;
  RETURN v_gate;
END
$$;
