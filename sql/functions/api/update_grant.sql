-- Changes the dates and the priority of what is unspent of a grant, or notes that its payment was received.
--
--   p_input  grantId!, effectiveAt (null: now), expiresAt (null: never), priority (null: 50), paymentReceived
--
-- What is not given stays. A grant that has begun gets no other effectiveAt; one that has expired, is exhausted or was voided
-- gets nothing any more. paymentReceived issues a grant that waited for it, and changes nothing of any other, so that
-- it may be said again. Events that were decided before keep the terms they were decided under (core.grant_terms).
--
-- Returns the grant as api.read_grants has it, with `seq` of the change, null if it changed nothing.
-- Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.update_grant(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate;
  v_was core.credit_grant;
  v_new core.credit_grant;
  v_seq bigint;
BEGIN
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"grantId": "text!", "effectiveAt": "instant", "expiresAt": "instant",
    "priority": "count", "paymentReceived": "boolean"}'));
  v_gate := core.begin_change(p_customer_id);
  v_was := core.grant_to_change(p_customer_id, p_input ->> 'grantId');
  v_new := v_was;
  v_new.is_pending := v_was.is_pending AND (p_input ->> 'paymentReceived')::boolean IS NOT TRUE;
  IF p_input ? 'priority' THEN
    v_new.priority := least(coalesce((p_input ->> 'priority')::bigint, 50), 101);
  END IF;
  IF p_input ? 'expiresAt' THEN
    v_new.expires_at := coalesce((p_input ->> 'expiresAt')::timestamptz, 'infinity');
  END IF;
  IF p_input ? 'effectiveAt' THEN
    -- One that has begun is effective now.
    v_new.effective_at := coalesce((p_input ->> 'effectiveAt')::timestamptz,
                                   CASE WHEN v_was.is_pending THEN v_gate.last_at ELSE least(v_was.effective_at, v_gate.last_at) END);
  END IF;

  IF v_new IS DISTINCT FROM v_was THEN
    PERFORM core.refuse_faults(core.ended_grant_faults(v_was, v_gate.last_at));
    PERFORM core.refuse_faults(core.grant_update_faults(v_was, v_new, v_gate.last_at));
    IF v_was.is_pending AND NOT v_new.is_pending THEN
      v_new := core.issue_grant(v_gate, v_new, 'PAYMENT_RECEIVED');
    END IF;
    UPDATE core.credit_grant
    SET priority = v_new.priority, effective_at = v_new.effective_at, expires_at = v_new.expires_at, is_pending = v_new.is_pending,
        remaining = v_new.remaining, is_scheduled = v_new.is_scheduled, is_open = v_new.is_open
    WHERE customer_id = p_customer_id AND grant_no = v_was.grant_no;
    -- If it is due later than before, the gate is asked once too early.
    v_gate.next_due_at := least(v_gate.next_due_at, core.grant_due_at(v_new));
    v_seq := core.end_change(v_gate, 'GRANT_UPDATED', v_was.grant_no::text, core.grant_terms_json(v_was), core.grant_terms_json(v_new), p_actor);
  END IF;
  RETURN (SELECT row - 'key' FROM api.read_grants(p_customer_id, jsonb_build_object('grantId', v_was.grant_no::text), NULL, 1) AS row)
    || jsonb_build_object('seq', v_seq::text);
END
$$;
