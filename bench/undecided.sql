-- What a decision reads and leaves behind, with no decision: how far the rates could go if deciding cost nothing.
--
-- Items are read out of their JSON, the customers' gates are locked, keys are looked up, paths, wallets, open grants, budgets with
-- their counters and rates are read, each with one statement for the whole call as the decider reads them; then the
-- yardstick writes its rows, and each item is answered. No price, no plan, no limit is looked at, and no fault is found.

-- One row an item. `p_writes` is the function of the yardstick: write, write_many, or none, as for a check.
CREATE FUNCTION bench.undecided(p_items jsonb, p_writes text) RETURNS TABLE (customer_id text, idempotency_key text, answer json)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_memoize = off
AS $$
#variable_conflict use_column
DECLARE
  v_customer text[]; v_key text[]; v_entity text[]; v_feature text[]; v_quantities jsonb[]; v_session text[]; v_dimensions jsonb[];
  v_customers text[]; v_asker text[]; v_asked text[]; v_path text[]; v_available numeric[]; v_remaining numeric[]; v_limit numeric[]; v_used numeric[]; v_rate numeric[];
BEGIN
  SELECT array_agg(i."customerId"), array_agg(i."idempotencyKey"), array_agg(i."entityIds" ->> 0), array_agg(i."featureId"),
         array_agg(i.quantities), array_agg(i."sessionId"), array_agg(i.dimensions)
  INTO v_customer, v_key, v_entity, v_feature, v_quantities, v_session, v_dimensions
  FROM jsonb_to_recordset(p_items) AS i ("customerId" text, "idempotencyKey" text, "entityIds" jsonb, "featureId" text,
                                         quantities jsonb, "sessionId" text, dimensions jsonb);
  SELECT array_agg(DISTINCT c) INTO v_customers FROM unnest(v_customer) AS c;
  IF p_writes <> 'none' THEN
    PERFORM FROM core.gate AS g WHERE g.customer_id = ANY (v_customers) FOR NO KEY UPDATE SKIP LOCKED;
    PERFORM FROM unnest(v_customer, v_key) AS i (customer, key)
    CROSS JOIN LATERAL (SELECT FROM core.idempotency AS k WHERE k.customer_id = i.customer AND k.key_month = date_trunc('month', now(), 'UTC')::date
                          AND k.key = core.key_bytes(i.key) OFFSET 0) AS k;
  END IF;
  SELECT array_agg(a.customer), array_agg(a.entity), array_agg(e.path::text) INTO v_asker, v_asked, v_path
  FROM (SELECT DISTINCT customer, entity FROM unnest(v_customer, v_entity) AS i (customer, entity)) AS a
  CROSS JOIN LATERAL (SELECT * FROM core.entity AS e WHERE e.customer_id = a.customer AND e.entity_id = a.entity LIMIT 1) AS e;
  SELECT array_agg(w.available) INTO v_available
  FROM unnest(v_asker, v_path) AS a (customer, path)
  CROSS JOIN LATERAL unnest(a.path::integer[]) AS n (no)
  CROSS JOIN LATERAL (SELECT * FROM core.wallet AS w WHERE w.customer_id = a.customer AND w.entity_no = n.no OFFSET 0) AS w;
  SELECT array_agg(g.remaining) INTO v_remaining
  FROM unnest(v_customers) AS c (id)
  CROSS JOIN LATERAL (SELECT * FROM core.credit_grant AS g WHERE g.customer_id = c.id AND g.is_open OFFSET 0) AS g;
  SELECT array_agg(b.amount_limit), array_agg(c.used) INTO v_limit, v_used
  FROM unnest(v_asker, v_path) AS a (customer, path)
  CROSS JOIN LATERAL unnest(a.path::integer[]) AS n (no)
  CROSS JOIN LATERAL (SELECT * FROM core.budget AS b WHERE b.customer_id = a.customer AND b.entity_no = n.no AND b.is_active OFFSET 0) AS b
  CROSS JOIN LATERAL (SELECT * FROM core.counter AS c WHERE c.customer_id = b.customer_id AND c.budget_no = b.budget_no
                        AND c.subject_no = b.entity_no AND c.session_id = '' LIMIT 1) AS c;
  SELECT array_agg(r.amount) INTO v_rate FROM core.rate AS r WHERE r.feature_id = ANY (v_feature);
  IF p_writes = 'write' THEN
    PERFORM floor.write(v_customer[1], v_key);
  ELSIF p_writes = 'write_many' THEN
    PERFORM floor.write_many(v_customer, v_key);
  END IF;
  RETURN QUERY
  SELECT v_customer[i], v_key[i], '{"credits":{"general":"1.25"},"slices":[["wallet","3","1.25"]],"wallets":[["wallet","general","998877.5"]]}'::json
  FROM generate_series(1, cardinality(v_key)) AS i;
END
$$;

-- The doors of an API process, where nothing is even read: what is left is what its callers, lanes and driver take.
CREATE OR REPLACE FUNCTION api.consume_many(p_items jsonb, p_observe boolean DEFAULT false)
RETURNS TABLE (item integer, customer_id text, idempotency_key text, allowed boolean, reason text, would_allow boolean,
               replayed boolean, deferred boolean, seq bigint, recorded_at timestamptz, answer json)
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT i.place::integer - 1, i.said ->> 'customerId', i.said ->> 'idempotencyKey', true, NULL, true, false, false, i.place, now(),
         '{"credits":{"general":"1.25"},"slices":[["wallet","3","1.25"]],"wallets":[["wallet","general","998877.5"]]}'::json
  FROM jsonb_array_elements(p_items) WITH ORDINALITY AS i (said, place)
$$;
CREATE OR REPLACE FUNCTION api.consume(p_customer_id text, p_items jsonb, p_observe boolean DEFAULT false)
RETURNS TABLE (item integer, customer_id text, idempotency_key text, allowed boolean, reason text, would_allow boolean,
               replayed boolean, deferred boolean, seq bigint, recorded_at timestamptz, answer json)
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT * FROM api.consume_many(p_items, p_observe)
$$;
