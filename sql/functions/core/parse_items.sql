-- Reads a list of items: their scalars, their amounts in one flat list, their fingerprints (core.differing_field), and what
-- they have in common. Items that differ only in key, session, group and metadata are one *ask*; asks that differ only
-- in their amounts take one *route*; routes that differ only in customer, entities and overage have one *price*. What
-- items share is read once.
--
-- One flat statement over the whole batch. What it avoids was measured: regular expressions with counted repetitions,
-- sorts by text, FILTER in aggregates, a second pass over the JSON (ARCHITECTURE.md).
--
--   p_customer_id  stands for an item's customerId where it is absent; null where every item must name its own
--   p_sessions     whether a session is part of an ask (some budget counts each session)
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
  v_keys bigint;
  -- The month of the instant and, as the first bytes of a UUIDv7, where it begins and ends.
  v_month date := date_trunc('month', p_at, 'UTC')::date;
  v_begins bytea := core.uuid_prefix(v_month);
  v_ends bytea := core.uuid_prefix((v_month + interval '1 month')::date);
BEGIN
  -- What would make the statement below fail instead of finding the fault.
  IF jsonb_typeof(p_items) IS DISTINCT FROM 'array' OR jsonb_array_length(p_items) NOT BETWEEN 1 AND 1000
     OR p_items @? 'strict $[*] ? (@.type() != "object" || @.quantities[*].type() != "object")' THEN
    PERFORM core.refuse_malformed(p_items, p_customer_id, p_at);
  END IF;
  WITH item AS MATERIALIZED (
    SELECT i.*, core.key_bytes(i.key) AS kept,
           -- JSON holds no control character, so the session cannot be taken for something else.
           concat_ws(E'\x1f', i.item - '{idempotencyKey,sessionId,group,metadata,detail}'::text[], CASE WHEN p_sessions THEN i.session END) AS ask
    FROM ROWS FROM (jsonb_array_elements(p_items), jsonb_to_recordset(p_items) AS (
        "idempotencyKey" text, "customerId" text, "featureId" text, quantity text, quantities jsonb, "entityIds" jsonb, "sessionId" text,
        dimensions jsonb, overage text, "group" text, "occurredAt" text, metadata jsonb))
      WITH ORDINALITY AS i (item, key, customer, feature, quantity, quantities, entities, session, dimensions, overage, "group", said, metadata, o)
  ), ask AS MATERIALIZED (
    SELECT a.*, row_number() OVER () AS no FROM (SELECT ask, min(o) AS first, count(*) AS count FROM item GROUP BY ask) AS a
  ), read AS MATERIALIZED (
    SELECT a.no, a.first, a.count, q.print, q.names, q.zeros, q.amounts, q.shown, sum(q.many) OVER (ORDER BY a.no) - q.many AS before,
           -- No name holds a comma.
           concat(i.item - '{idempotencyKey,quantity,quantities,sessionId,group,metadata,detail}'::text[], E'\x1f', q.names, ',,', q.zeros, ',,',
                  CASE WHEN p_sessions THEN i.session END) AS route,
           q.malformed IS NOT FALSE OR q.names IS NULL OR (i.quantity IS NULL) = (i.quantities IS NULL OR i.quantities = 'null') AS malformed
    FROM ask AS a
    JOIN item AS i ON i.o = a.first
    CROSS JOIN LATERAL (
      SELECT count(CASE WHEN amount > 0 THEN 1 END) AS many,
             bool_or(amount IS NULL OR name IS NULL OR length(name) NOT BETWEEN 1 AND 63 OR strpos(name, ',') > 0) OR count(*) > 16 AS malformed,
             -- The same in whatever order they are named.
             int4send((sum(hashtext(name || ' ' || amount)) % 2147483647)::integer) AS print,
             string_agg(CASE WHEN amount > 0 THEN name END, ',') AS names,
             string_agg(CASE WHEN amount = 0 THEN name END, ',') AS zeros,
             string_agg(CASE WHEN amount > 0 THEN amount::text END, ',') AS amounts,
             '{' || string_agg(CASE WHEN amount > 0 THEN '"' || name || '":"' || amount || '"' END, ',') || '}' AS shown
      FROM (
        SELECT q.name,
               -- Up to 29 digits, and perhaps a point and up to nine more.
               CASE translate(q.amount, '0123456789', '')
                 WHEN '' THEN CASE WHEN length(q.amount) BETWEEN 1 AND 29 THEN q.amount::numeric END
                 WHEN '.' THEN CASE WHEN strpos(q.amount, '.') BETWEEN 2 AND 30 AND length(q.amount) - strpos(q.amount, '.') BETWEEN 1 AND 9
                                    THEN trim_scale(q.amount::numeric) END
               END AS amount
        FROM jsonb_to_recordset(CASE jsonb_typeof(i.quantities) WHEN 'array' THEN i.quantities
          ELSE jsonb_build_array(jsonb_build_object('name', 'quantity', 'amount', i.quantity)) END) AS q (name text, amount text)
        OFFSET 0
      ) AS q
    ) AS q
  ), route AS MATERIALIZED (
    SELECT n.no, n.route, n.names, n.zeros, coalesce(i.customer, p_customer_id) AS customer, i.feature, i.said, i.session, coalesce(i.overage, 'REJECT') AS overage, i.item,
           CASE WHEN i.said ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)$' AND pg_input_is_valid(i.said, 'timestamptz') THEN i.said::timestamptz END AS occurred,
           dense_rank() OVER (ORDER BY coalesce(i.customer, p_customer_id) COLLATE "C") AS k,
           coalesce(nullif(i.entities, 'null'), '[]') AS entities, coalesce(nullif(i.dimensions, 'null'), '[]') AS dimensions,
           dense_rank() OVER (ORDER BY concat(n.names, ',,', n.zeros, ',,', i.said, ',,', i.dimensions, E'\x1f', i.feature) COLLATE "C") AS price
    FROM (SELECT route, min(first) AS first, min(names) AS names, min(zeros) AS zeros, row_number() OVER () AS no FROM read GROUP BY route) AS n
    JOIN item AS i ON i.o = n.first
  )
  SELECT i.malformed OR a.malformed OR r.malformed, (SELECT count(*) FROM (SELECT DISTINCT key FROM item) AS k), i.customer, i.key, i.kept, i.month, i.month_from, i.month_to, i.print, i.ask, i."group", i.session, i.metadata,
         a.route, a.amount, a.count, a.print, a.quantities, string_to_array(a.amounts, ','),
         r.customer, r.feature, r.price, r.entities, r.dimensions, r.overage, r.occurred, r.k, r.names, r.zeros, r.session, r.print
  INTO v_malformed, v_keys, v_request.i_customer, v_request.i_key, v_request.i_kept, v_request.i_month, v_request.month_from, v_request.month_to, v_request.i_print, v_request.i_ask, v_request.i_group, v_request.i_session, v_request.i_metadata,
       v_request.a_route, v_request.a_amount, v_request.a_count, v_request.a_print, v_request.a_quantities, v_request.amounts,
       v_request.r_customer, v_request.r_feature, v_request.r_price, v_request.r_entities, v_request.r_dimensions, v_request.r_overage, v_request.r_occurred, v_request.r_k, v_request.r_names,
       v_request.r_zeros, v_request.r_session, v_request.r_print
  FROM (
    SELECT array_agg(customer) AS customer, array_agg(key) AS key, array_agg(kept) AS kept, array_agg(month) AS month, min(month) AS month_from, max(month) AS month_to, array_agg(no::integer) AS ask,
           array_agg("group") AS "group", array_agg(session) AS session, array_agg(nullif(metadata, 'null')) AS metadata,
           array_agg(int4send(hashtext(coalesce(session, ''))) || CASE WHEN "group" IS NULL THEN '' ELSE int4send(hashtext("group")) END) AS print,
           bool_or(key IS NULL OR jsonb_typeof(item -> 'idempotencyKey') <> 'string' OR length(key) NOT BETWEEN 1 AND 255 OR month > p_at + interval '1 month'
             OR (session IS NOT NULL AND (jsonb_typeof(item -> 'sessionId') <> 'string' OR length(session) > 128))
             OR ("group" IS NOT NULL AND (jsonb_typeof(item -> 'group') <> 'string' OR length("group") NOT BETWEEN 1 AND 128 OR item ->> 'overage' IN ('CAP', 'RECORD')))
             OR (metadata IS NOT NULL AND metadata <> 'null' AND (jsonb_typeof(metadata) <> 'object' OR length(metadata::text) > 8192))) AS malformed
    FROM (SELECT i.o, i.item, i.key, i.kept, coalesce(i.customer, p_customer_id) AS customer, i."group", i.session, i.metadata, a.no,
                 -- Nearly every key is a UUIDv7 of the month; the others are looked at digit by digit.
                 CASE WHEN length(i.kept) = 16 AND i.kept >= v_begins AND i.kept < v_ends AND substr(i.kept, 7, 1) BETWEEN '\x70' AND '\x7f'
                           AND substr(i.kept, 9, 1) BETWEEN '\x80' AND '\xbf' AND v_month >= p_undated
                      THEN v_month ELSE core.key_month(i.key, p_undated) END AS month
          FROM item AS i JOIN ask AS a USING (ask) ORDER BY i.o) AS item
  ) AS i
  CROSS JOIN (
    SELECT bool_or(malformed) AS malformed, array_agg(route_no::integer) AS route, array_agg(before::integer) AS amount, array_agg(count::integer) AS count, array_agg(print) AS print, array_agg(shown) AS quantities, string_agg(amounts, ',') AS amounts
    FROM (SELECT read.*, route.no AS route_no FROM read JOIN route USING (route) ORDER BY read.no) AS a
  ) AS a
  CROSS JOIN (
    SELECT bool_or(
             item - '{idempotencyKey,customerId,featureId,quantity,quantities,entityIds,sessionId,dimensions,overage,group,occurredAt,metadata,detail}'::text[] <> '{}'
             OR jsonb_typeof(item -> 'customerId') NOT IN ('string', 'null') OR customer <> p_customer_id OR length(coalesce(customer, '')) NOT BETWEEN 1 AND 128
             OR jsonb_typeof(item -> 'featureId') IS DISTINCT FROM 'string' OR length(feature) NOT BETWEEN 1 AND 63
             OR jsonb_typeof(dimensions) <> 'array' OR dimensions @? '$[8]'
             OR CASE jsonb_typeof(entities) WHEN 'array' THEN jsonb_array_length(entities) > 4 OR entities @? '$[*] ? (@.type() != "string")' ELSE true END
             OR jsonb_typeof(item -> 'overage') NOT IN ('string', 'null') OR overage NOT IN ('REJECT', 'CAP', 'OVERDRAFT', 'RECORD')
             OR (overage = 'CAP' AND strpos(names, ',') > 0)
             OR jsonb_typeof(item -> 'occurredAt') NOT IN ('string', 'null') OR (said IS NOT NULL AND (overage <> 'RECORD' OR occurred IS NULL))) AS malformed,
           array_agg(customer) AS customer, array_agg(feature) AS feature, array_agg(price::integer) AS price, array_agg(entities) AS entities,
           array_agg(dimensions) AS dimensions, array_agg(overage) AS overage, array_agg(occurred) AS occurred, array_agg(k::integer) AS k, array_agg(names) AS names, array_agg(zeros) AS zeros,
           array_agg(session) AS session,
           array_agg(convert_to(left(p_operation, 1) || substr(overage, 3, 1), 'UTF8') || int4send(hashtext(feature)) || int4send(hashtext(entities::text))) AS print
    FROM (SELECT * FROM route ORDER BY no) AS route
  ) AS r;
  IF v_malformed THEN
    PERFORM core.refuse_malformed(p_items, p_customer_id, p_at);
  END IF;

  -- When it happened, the same key twice, and groups: nearly all batches have none.
  IF cardinality(array_remove(v_request.r_occurred, NULL)) > 0 THEN
    SELECT array_agg(i.print || coalesce(int4send(hashtext(extract(epoch FROM v_request.r_occurred[v_request.a_route[i.ask]])::text)), '') ORDER BY i.o)
    INTO v_request.i_print
    FROM unnest(v_request.i_print, v_request.i_ask) WITH ORDINALITY AS i (print, ask, o);
  END IF;
  IF v_keys < cardinality(v_request.i_key) THEN
    SELECT array_agg(first::integer ORDER BY o) INTO v_request.i_first
    FROM (SELECT o, min(o) OVER (PARTITION BY customer, key) AS first
          FROM unnest(v_request.i_customer, v_request.i_key) WITH ORDINALITY AS i (customer, key, o)) AS i
    HAVING bool_or(first < o);
  END IF;
  IF cardinality(array_remove(v_request.i_group, NULL)) > 0 THEN
    -- A group is judged where its first item stands.
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
