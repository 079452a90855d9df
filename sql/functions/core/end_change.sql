-- Ends what core.begin_change began: takes the next seq, writes the change row that stands for it, and stores the
-- gate as the caller made it. A change that moved credits has its head on the ledger instead: p_kind NULL.
--
-- Returns the seq taken.
CREATE OR REPLACE FUNCTION core.end_change(p_gate core.gate, p_kind text, p_subject text, p_before jsonb, p_after jsonb, p_actor text)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_seq CONSTANT bigint := p_gate.seq + 1;
BEGIN
  IF p_kind IS NOT NULL THEN
    INSERT INTO core.change (customer_id, seq, recorded_at, kind, subject, before, after, actor)
    VALUES (p_gate.customer_id, v_seq, p_gate.last_at, p_kind, p_subject, p_before, p_after, p_actor);
  END IF;
  UPDATE core.gate SET
    seq = v_seq, last_at = p_gate.last_at, next_due_at = p_gate.next_due_at, last_no = p_gate.last_no,
    entity_count = p_gate.entity_count, is_suspended = p_gate.is_suspended, suspended_entities = p_gate.suspended_entities,
    observe = p_gate.observe, unknown_entity = p_gate.unknown_entity, unknown_type = p_gate.unknown_type,
    unknown_parent_no = p_gate.unknown_parent_no, unknown_max = p_gate.unknown_max, counts_sessions = p_gate.counts_sessions
  WHERE customer_id = p_gate.customer_id;
  RETURN v_seq;
END
$$;
