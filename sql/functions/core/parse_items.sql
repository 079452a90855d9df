-- Reads a list of items: their scalars, their amounts in one flat list, a fingerprint of four bytes a field,
-- and which of them share a route.
--
-- Flat statements over the whole batch: a lateral sub-select per item was four times slower.
--
--   p_customer_id  stands for an item's customerId where it is absent; null where every item must name its own
--   p_sessions     whether a session is part of a route (some budget counts each session)
--   p_undated      keys of months before this one share the partition of undated keys
--
-- Raises UC100 for the first malformed item.
CREATE OR REPLACE FUNCTION core.parse_items(
  p_operation text, p_customer_id text, p_items jsonb, p_at timestamptz, p_sessions boolean, p_undated date
) RETURNS core.request
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_request core.request;
  v_malformed boolean;
  v_distinct bigint;
  v_routes jsonb;
BEGIN
  -- What would make the statement below fail instead of finding the fault.
  IF jsonb_typeof(p_items) IS DISTINCT FROM 'array' OR jsonb_array_length(p_items) NOT BETWEEN 1 AND 1000
     OR p_items @? '$[*].type() ? (@ != "object")' OR p_items @? '$[*].quantities[*].type() ? (@ != "object")'
     OR p_items @? '$[*] ? (@.quantities.size() == 0)' THEN
    PERFORM core.refuse_malformed(p_items, p_customer_id, p_at);
  END IF;
  WITH asked AS MATERIALIZED (
    SELECT i.o, q.name,
           CASE WHEN q.amount ~ '^[0-9]{1,29}([.][0-9]{1,9})?$' THEN trim_scale(q.amount::numeric) END AS amount
    FROM jsonb_array_elements(p_items) WITH ORDINALITY AS i (item, o),
      jsonb_to_recordset(CASE WHEN jsonb_typeof(i.item -> 'quantities') = 'array' THEN i.item -> 'quantities'
        ELSE jsonb_build_array(jsonb_build_object('name', 'quantity', 'amount', i.item -> 'quantity')) END) AS q (name text, amount text)
    ORDER BY i.o, q.name COLLATE "C"
  ), quantity AS (
    -- Plain aggregates over sorted rows: FILTER and ORDER BY in an aggregate sort once for every group.
    SELECT o,
           bool_or(amount IS NULL OR length(name) NOT BETWEEN 1 AND 63 OR strpos(name, ',') > 0) OR count(*) > 16 AS malformed,
           string_agg(CASE WHEN amount > 0 THEN name END, ',') AS names,
           string_agg(CASE WHEN amount = 0 THEN name END, ',') AS zeros,
           '{' || string_agg(CASE WHEN amount > 0 THEN '"' || name || '":"' || amount || '"' END, ',') || '}' AS quantities
    FROM asked
    GROUP BY o
  ), item AS MATERIALIZED (
    SELECT i.o, coalesce(i."customerId", p_customer_id) AS customer, i."idempotencyKey" AS key, i."sessionId" AS session, i."group",
           nullif(i.metadata, 'null') AS metadata, q.names, q.zeros, q.quantities,
           core.key_month(i."idempotencyKey", p_undated) AS month,
           -- All of a route that is in the item; the first item of each is looked at closely.
           concat_ws(E'\x1f', (i.item - '{idempotencyKey,quantity,quantities,sessionId,group,metadata,detail}'::text[])::text, q.names, q.zeros,
                     CASE WHEN p_sessions THEN i."sessionId" END) AS route,
           coalesce(q.malformed OR q.names IS NULL
             OR jsonb_typeof(i.item -> 'idempotencyKey') <> 'string' OR length(i."idempotencyKey") NOT BETWEEN 1 AND 255
             OR (i."sessionId" IS NOT NULL AND (jsonb_typeof(i.item -> 'sessionId') <> 'string' OR length(i."sessionId") > 128))
             OR (i."group" IS NOT NULL AND (jsonb_typeof(i.item -> 'group') <> 'string' OR length(i."group") NOT BETWEEN 1 AND 128
                                            OR i.item ->> 'overage' IN ('CAP', 'RECORD')))
             OR (i.metadata IS NOT NULL AND i.metadata <> 'null' AND (jsonb_typeof(i.metadata) <> 'object' OR length(i.metadata::text) > 8192))
             OR (i.item ? 'quantity' AND i.item ? 'quantities' AND i.item -> 'quantity' <> 'null' AND i.item -> 'quantities' <> 'null')
             OR i."customerId" <> p_customer_id, i."idempotencyKey" IS NULL) AS malformed
    FROM ROWS FROM (jsonb_array_elements(p_items),
        jsonb_to_recordset(p_items) AS ("idempotencyKey" text, "customerId" text, "sessionId" text, "group" text, metadata jsonb))
      WITH ORDINALITY AS i (item, "idempotencyKey", "customerId", "sessionId", "group", metadata, o)
    JOIN quantity AS q ON q.o = i.o
  ), route AS MATERIALIZED (
    SELECT min(o) AS item, route, row_number() OVER () AS no FROM item GROUP BY route
  )
  SELECT i.*, r.*, (SELECT array_agg(amount) FROM asked WHERE amount > 0)
  INTO v_malformed, v_distinct, v_request.i_customer, v_request.i_key, v_request.i_month, v_request.i_print, v_request.i_route,
       v_request.i_group, v_request.i_session, v_request.i_metadata, v_request.i_quantities,
       v_request.r_item, v_request.r_names, v_request.r_zeros, v_request.r_session, v_routes, v_request.amounts
  FROM (
    SELECT bool_or(malformed OR month > p_at + interval '1 month'), (SELECT count(*) FROM (SELECT DISTINCT customer, key FROM item) AS k),
           array_agg(customer), array_agg(key), array_agg(month),
           array_agg(int4send(hashtext(quantities)) || int4send(hashtext(coalesce(session, ''))) || int4send(hashtext(coalesce("group", '')))),
           array_agg(no::integer), array_agg("group"), array_agg(session), array_agg(metadata), array_agg(quantities)
    FROM (SELECT item.*, route.no FROM item JOIN route USING (route) ORDER BY item.o) AS item
  ) AS i, (
    SELECT array_agg(route.item::integer ORDER BY route.no), array_agg(item.names ORDER BY route.no), array_agg(item.zeros ORDER BY route.no),
           array_agg(item.session ORDER BY route.no), jsonb_agg(p_items -> (route.item - 1)::integer ORDER BY route.no)
    FROM route JOIN item ON item.o = route.item
  ) AS r;
  IF v_malformed OR NOT core.is_well_formed(v_routes, p_customer_id IS NULL) THEN
    PERFORM core.refuse_malformed(p_items, p_customer_id, p_at);
  END IF;

  -- What all items of a route share.
  SELECT array_agg(customer ORDER BY no), array_agg(feature ORDER BY no), array_agg(price::integer ORDER BY no),
         array_agg(entities ORDER BY no), array_agg(dimensions ORDER BY no),
         array_agg(overage ORDER BY no), array_agg(occurred ORDER BY no),
         array_agg(int4send(hashtext(p_operation)) || int4send(hashtext(feature)) || int4send(hashtext(entities::text)) || int4send(hashtext(overage))
           || int4send(coalesce(hashtext(extract(epoch FROM occurred)::text), 0)) ORDER BY no),
         bool_or(coalesce(length(customer) NOT BETWEEN 1 AND 128 OR length(feature) > 63 OR jsonb_array_length(entities) > 4
           OR jsonb_array_length(dimensions) > 8 OR overage NOT IN ('REJECT', 'CAP', 'OVERDRAFT', 'RECORD')
           OR (overage = 'CAP' AND strpos(v_request.r_names[no], ',') > 0)
           OR (occurred_text IS NOT NULL AND (overage <> 'RECORD' OR occurred IS NULL)), false))
  INTO v_request.r_customer, v_request.r_feature, v_request.r_price, v_request.r_entities, v_request.r_dimensions, v_request.r_overage, v_request.r_occurred,
       v_request.r_print, v_malformed
  FROM (
    SELECT r.*, dense_rank() OVER (ORDER BY concat_ws(E'\x1f', feature, v_request.r_names[no], v_request.r_zeros[no], dimensions, occurred_text) COLLATE "C") AS price
    FROM (
    SELECT no, coalesce("customerId", p_customer_id) AS customer, "featureId" AS feature, coalesce(nullif("entityIds", 'null'), '[]') AS entities,
           coalesce(nullif(dimensions, 'null'), '[]') AS dimensions, coalesce(overage, 'REJECT') AS overage, "occurredAt" AS occurred_text,
           CASE WHEN "occurredAt" IS NOT NULL AND "occurredAt" ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)$'
                AND pg_input_is_valid("occurredAt", 'timestamptz') THEN "occurredAt"::timestamptz END AS occurred
    FROM ROWS FROM (jsonb_to_recordset(v_routes) AS (
        "customerId" text, "featureId" text, "entityIds" jsonb, dimensions jsonb, overage text, "occurredAt" text))
      WITH ORDINALITY AS r ("customerId", "featureId", "entityIds", dimensions, overage, "occurredAt", no)
    ) AS r
  ) AS r;
  IF v_malformed THEN
    PERFORM core.refuse_malformed(p_items, p_customer_id, p_at);
  END IF;

  -- Duplicates inside the batch, and groups: nearly all batches have none.
  IF v_distinct < cardinality(v_request.i_key) THEN
    SELECT array_agg(first::integer ORDER BY o) INTO v_request.i_first
    FROM (SELECT o, min(o) OVER (PARTITION BY customer, key) AS first
          FROM unnest(v_request.i_customer, v_request.i_key) WITH ORDINALITY AS i (customer, key, o)) AS i;
  END IF;
  -- A group is judged where its first item stands; nearly all batches have none.
  IF p_items @? '$[*].group ? (@ != null)' THEN
    SELECT array_agg(o ORDER BY place, o) INTO v_request.turns
    FROM (
      SELECT o::integer, CASE WHEN "group" IS NULL THEN o ELSE min(o) OVER (PARTITION BY "group") END AS place
      FROM unnest(v_request.i_group) WITH ORDINALITY AS i ("group", o)
    ) AS placed;
    PERFORM core.refuse_malformed(p_items, p_customer_id, p_at)
    FROM unnest(v_request.i_customer, v_request.i_group) AS i (customer, "group")
    WHERE "group" IS NOT NULL
    GROUP BY "group" HAVING min(customer) <> max(customer);
  END IF;
  RETURN v_request;
END
$$;
