-- Forgets an entity: its id, name and metadata, the ids of its wallets and of the budgets that stand on it (which are often made of its own),
-- the reasons of their raises and of grants that were voided (of what was moved of these, where it was charged back with them, too), and what was said of the usage events that named it and of their reversals. What it did, has and owes stays, under numbers: history and seals hold
-- nothing else. It goes on to exist as erased:<number>, with what stands below it; its old id is free for another entity.
--
--   p_input  entityId!
--
-- Callers chose idempotency keys, session ids, values of dimensions, advice of budgets, sources of grants and names of actors: those must not hold what
-- identifies people. Backups, the log and rows not vacuumed yet are not reached from here.
--
-- Returns the entity as api.read_entities has it now. Raises UC101.
CREATE OR REPLACE FUNCTION api.erase_entity(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate;
  v_no integer;
  v_id text;
  v_seen bigint;
  v_events bigint[];
  v_taken text[];
BEGIN
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"entityId": "key!"}'));
  -- Before the gate is held, since there may be many events.
  SELECT seq INTO v_seen FROM core.gate WHERE customer_id = p_customer_id;
  SELECT entity_no INTO v_no FROM core.entity WHERE customer_id = p_customer_id AND entity_id = p_input ->> 'entityId';
  v_events := ARRAY(SELECT core.metadata_of(p_customer_id, v_no, 0));

  v_gate := core.begin_change(p_customer_id);
  SELECT entity_no INTO v_no FROM core.entity WHERE customer_id = p_customer_id AND entity_id = p_input ->> 'entityId' AND entity_no = v_no;
  IF v_no IS NULL THEN
    PERFORM core.refuse_faults(core.fault('entityId', 'NOT_FOUND', format('there is no entity %s', p_input ->> 'entityId')));
  END IF;
  v_events := v_events || ARRAY(SELECT core.metadata_of(p_customer_id, v_no, v_seen));
  DELETE FROM core.usage_metadata WHERE customer_id = p_customer_id AND seq = ANY (v_events);

  v_taken := ARRAY(SELECT entity_id FROM core.entity WHERE customer_id = p_customer_id AND starts_with(entity_id, 'erased:'));
  v_id := core.erased_id(v_no, v_taken);
  UPDATE core.entity SET entity_id = v_id, name = NULL, metadata = '{}' WHERE customer_id = p_customer_id AND entity_no = v_no;
  v_taken := ARRAY(SELECT wallet_id FROM core.wallet WHERE customer_id = p_customer_id AND starts_with(wallet_id, 'erased:'));
  UPDATE core.wallet SET wallet_id = core.erased_id(wallet_no, v_taken) WHERE customer_id = p_customer_id AND entity_no = v_no;
  v_taken := ARRAY(SELECT budget_id FROM core.budget WHERE customer_id = p_customer_id AND starts_with(budget_id, 'erased:'));
  UPDATE core.budget SET budget_id = core.erased_id(budget_no, v_taken) WHERE customer_id = p_customer_id AND entity_no = v_no;
  UPDATE core.budget_raise AS r SET reason = 'erased'
  FROM core.budget AS b
  WHERE r.customer_id = p_customer_id AND b.customer_id = p_customer_id AND b.budget_no = r.budget_no AND b.entity_no = v_no;
  -- Parts that were charged back with a grant have its reason, wherever they lie.
  WITH hers AS (
    SELECT g.* FROM core.credit_grant AS g
    JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
    WHERE g.customer_id = p_customer_id AND g.void_reason IS NOT NULL AND w.entity_no = v_no
  )
  UPDATE core.credit_grant AS g SET void_reason = 'erased'
  FROM (
    SELECT grant_no FROM hers
    UNION
    SELECT p.grant_no FROM hers AS h CROSS JOIN LATERAL core.grant_parts(p_customer_id, h.grant_no) AS p
    WHERE h.charged_back_at IS NOT NULL AND p.charged_back_at = h.charged_back_at
  ) AS e
  WHERE g.customer_id = p_customer_id AND g.grant_no = e.grant_no;
  UPDATE core.reversal_reason AS w SET reason = 'erased'
  FROM core.reversal AS r
  JOIN core.usage_event AS u ON u.customer_id = r.customer_id AND u.seq = r.event_seq AND u.recorded_at = r.event_recorded_at
  WHERE w.customer_id = p_customer_id AND r.customer_id = p_customer_id AND r.seq = w.seq
    AND v_no IN (SELECT n::integer FROM json_array_elements_text(coalesce(u.entity_nos, json_build_array(u.path -> 0))) AS n);
  PERFORM core.end_change(v_gate, 'ENTITY_ERASED', v_no::text, NULL, jsonb_build_object('entityNo', v_no), p_actor);
  RETURN (SELECT row - 'key' FROM api.read_entities(p_customer_id, jsonb_build_object('entityId', v_id), NULL, 1) AS row);
END
$$;
