-- Imports rows of one customer. Each goes through the function that every other door uses, and one that is refused is
-- undone alone: the others stand.
--
--   p_kind  customers, entities or balances
--   p_rows  a list of at most 1 000 inputs of api.upsert_customer, api.upsert_entity or api.grant_credits; the first two
--           may say suspended as well, which goes to api.set_suspension
--
-- Returns for each row, by its place from 0, what became of it: CREATED, CHANGED, UNCHANGED (nothing was written), or
-- REFUSED with errors [{field, code, message}]; and for a balance its credit type with what was granted as the ledger
-- has it. Whoever only wants to know what would be calls it in a transaction and rolls that back.
--
-- Raises UC101 for another kind or list, and whatever is no fault of a row.
CREATE OR REPLACE FUNCTION api.import_rows(p_customer_id text, p_kind text, p_rows jsonb, p_actor text)
RETURNS TABLE (place integer, outcome text, errors jsonb, credit_type text, granted numeric)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_row jsonb;
  v_seq bigint;
  v_answer jsonb;
  v_state text;
  v_detail text;
  v_message text;
BEGIN
  PERFORM core.refuse_faults(CASE
    WHEN p_kind IS NULL OR p_kind NOT IN ('customers', 'entities', 'balances') THEN core.fault('kind', 'UNKNOWN_VALUE', 'must be one of customers, entities, balances')
    WHEN jsonb_typeof(p_rows) IS DISTINCT FROM 'array' THEN core.fault('rows', 'WRONG_TYPE', 'must be a list')
    WHEN jsonb_array_length(p_rows) > 1000 THEN core.fault('rows', 'TOO_MANY', 'has more than 1000')
    ELSE '[]' END);
  FOR v_row, place IN SELECT r.element, r.n - 1 FROM jsonb_array_elements(p_rows) WITH ORDINALITY AS r (element, n) ORDER BY r.n LOOP
    errors := NULL;
    credit_type := NULL;
    granted := NULL;
    BEGIN
      IF p_kind = 'balances' THEN
        v_answer := api.grant_credits(p_customer_id, v_row, p_actor);
        outcome := CASE WHEN (v_answer ->> 'replayed')::boolean THEN 'UNCHANGED' ELSE 'CREATED' END;
        credit_type := v_answer ->> 'creditType';
        SELECT e.amount INTO granted FROM core.ledger_entry AS e
        WHERE e.customer_id = p_customer_id AND e.seq = (v_answer ->> 'seq')::bigint AND e.leg = 1
          AND e.recorded_at = (v_answer ->> 'recordedAt')::timestamptz;
      ELSE
        -- The gate before all else, so that the seq found is the one this row is judged after; of a customer that
        -- two make at once, only one sees it at 0.
        IF p_kind = 'customers' AND p_customer_id IS NOT NULL THEN
          INSERT INTO core.gate (customer_id, last_at) VALUES (p_customer_id, core.clock()) ON CONFLICT DO NOTHING;
        END IF;
        SELECT g.seq INTO v_seq FROM core.gate AS g WHERE g.customer_id = p_customer_id FOR NO KEY UPDATE;
        IF v_row ? 'suspended' THEN
          PERFORM core.refuse_faults(core.faults(jsonb_build_object('suspended', v_row -> 'suspended'), '', '{"suspended": "boolean"}'));
        END IF;
        IF p_kind = 'customers' THEN
          PERFORM api.upsert_customer(p_customer_id, v_row - 'suspended', p_actor);
        ELSE
          PERFORM api.upsert_entity(p_customer_id, v_row - 'suspended', p_actor);
        END IF;
        IF v_row ->> 'suspended' IS NOT NULL THEN
          PERFORM api.set_suspension(p_customer_id, v_row ->> 'entityId', (v_row ->> 'suspended')::boolean, p_actor);
        END IF;
        -- By kind, since what time brought meanwhile was booked after that seq too.
        SELECT CASE WHEN count(*) = 0 THEN 'UNCHANGED' WHEN bool_or(c.before IS NULL) THEN 'CREATED' ELSE 'CHANGED' END INTO outcome
        FROM core.change AS c
        WHERE c.customer_id = p_customer_id AND c.seq > v_seq AND c.kind IN ('CUSTOMER', 'ENTITY_CREATED', 'ENTITY', 'ENTITY_MOVED', 'SUSPENSION');
      END IF;
    EXCEPTION WHEN SQLSTATE 'UC101' OR data_exception OR integrity_constraint_violation THEN
      GET STACKED DIAGNOSTICS v_state = RETURNED_SQLSTATE, v_detail = PG_EXCEPTION_DETAIL, v_message = MESSAGE_TEXT;
      outcome := 'REFUSED';
      errors := CASE WHEN v_state = 'UC101' THEN v_detail::jsonb -> 'errors' ELSE core.fault('', v_state, v_message) END;
    END;
    RETURN NEXT;
  END LOOP;
END
$$;
