-- Imports rows of one customer or of several. Each goes through the function that every other door uses, and one that is
-- refused is undone alone: the others stand.
--
--   p_kind  customers, entities or balances
--   p_rows  a list of at most 1 000 objects: customerId! with the input of api.upsert_customer, api.upsert_entity or
--           api.grant_credits; the first two may say suspended as well, which goes to api.set_suspension
--
-- Returns for each row, by its place from 0, what became of it: CREATED, CHANGED, UNCHANGED (nothing was written),
-- REFUSED with errors [{field, code, message}], or DEFERRED: among several customers, those whose gate somebody else
-- holds are for a call of their own, which waits. Of a balance, its credit type with what was granted as the ledger has
-- it. Whoever only wants to know what would be calls it in a transaction and rolls that back.
--
-- Raises UC101 for another kind or list, and whatever is no fault of a row.
CREATE OR REPLACE FUNCTION api.import_rows(p_kind text, p_rows jsonb, p_actor text)
RETURNS TABLE (place integer, outcome text, errors jsonb, credit_type text, granted numeric)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- A session imports many thousands of rows by the plans of its first ones, made while the tables were nearly empty.
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  v_customers text[];
  v_held text[];
  v_row jsonb;
  v_customer text;
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
  SELECT array_agg(DISTINCT r.element ->> 'customerId') INTO v_customers FROM jsonb_array_elements(p_rows) AS r (element);
  IF cardinality(v_customers) > 1 THEN
    v_held := ARRAY(SELECT g.customer_id FROM core.gate AS g WHERE g.customer_id = ANY (v_customers) FOR NO KEY UPDATE SKIP LOCKED);
  END IF;

  -- By customer, so that two calls that make the same customers make them in the same order.
  FOR v_row, place, v_customer IN
    SELECT r.element, r.n - 1, r.element ->> 'customerId' FROM jsonb_array_elements(p_rows) WITH ORDINALITY AS r (element, n)
    ORDER BY r.element ->> 'customerId' COLLATE "C", r.n
  LOOP
    errors := NULL;
    credit_type := NULL;
    granted := NULL;
    IF v_customer <> ALL (v_held) AND EXISTS (SELECT FROM core.gate AS g WHERE g.customer_id = v_customer) THEN
      outcome := 'DEFERRED';
      RETURN NEXT;
      CONTINUE;
    END IF;
    BEGIN
      v_row := v_row - 'customerId';
      IF p_kind = 'balances' THEN
        v_answer := api.grant_credits(v_customer, v_row, p_actor);
        outcome := CASE WHEN (v_answer ->> 'replayed')::boolean THEN 'UNCHANGED' ELSE 'CREATED' END;
        credit_type := v_answer ->> 'creditType';
        SELECT e.amount INTO granted FROM core.ledger_entry AS e
        WHERE e.customer_id = v_customer AND e.seq = (v_answer ->> 'seq')::bigint AND e.leg = 1
          AND e.recorded_at = (v_answer ->> 'recordedAt')::timestamptz;
      ELSE
        -- The gate before all else, so that the seq found is the one this row is judged after; of a customer that
        -- two make at once, only one sees it at 0, and the other does not wait here if it holds more.
        IF p_kind = 'customers' AND v_customer IS NOT NULL THEN
          INSERT INTO core.gate (customer_id, last_at) VALUES (v_customer, core.clock()) ON CONFLICT DO NOTHING;
          IF NOT FOUND AND v_customer <> ALL (v_held) THEN
            outcome := 'DEFERRED';
            RETURN NEXT;
            CONTINUE;
          END IF;
        END IF;
        SELECT g.seq INTO v_seq FROM core.gate AS g WHERE g.customer_id = v_customer FOR NO KEY UPDATE;
        IF v_row ? 'suspended' THEN
          PERFORM core.refuse_faults(core.faults(jsonb_build_object('suspended', v_row -> 'suspended'), '', '{"suspended": "boolean"}'));
        END IF;
        IF p_kind = 'customers' THEN
          PERFORM api.upsert_customer(v_customer, v_row - 'suspended', p_actor);
        ELSE
          PERFORM api.upsert_entity(v_customer, v_row - 'suspended', p_actor);
        END IF;
        IF v_row ->> 'suspended' IS NOT NULL THEN
          PERFORM api.set_suspension(v_customer, v_row ->> 'entityId', (v_row ->> 'suspended')::boolean, p_actor);
        END IF;
        -- By kind, since what time brought meanwhile was booked after that seq too.
        SELECT CASE WHEN count(*) = 0 THEN 'UNCHANGED' WHEN bool_or(c.before IS NULL) THEN 'CREATED' ELSE 'CHANGED' END INTO outcome
        FROM core.change AS c
        WHERE c.customer_id = v_customer AND c.seq > v_seq AND c.kind IN ('CUSTOMER', 'ENTITY_CREATED', 'ENTITY', 'ENTITY_MOVED', 'SUSPENSION');
        v_held := v_held || v_customer;
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
