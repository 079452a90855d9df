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
BEGIN
  IF NOT core.is_well_formed(p_items, p_customer_id IS NULL) THEN
    PERFORM core.refuse_malformed(p_items, p_customer_id, p_at);
  END IF;
  WITH asked AS (
    SELECT i.o, q.name,
           CASE WHEN q.amount ~ '^[0-9]{1,29}([.][0-9]{1,9})?$' THEN trim_scale(q.amount::numeric) END AS amount
    FROM jsonb_array_elements(p_items) WITH ORDINALITY AS i (item, o),
      jsonb_to_recordset(CASE WHEN jsonb_typeof(i.item -> 'quantities') = 'array' THEN i.item -> 'quantities'
        ELSE jsonb_build_array(jsonb_build_object('name', 'quantity', 'amount', i.item -> 'quantity')) END) AS q (name text, amount text)
  ), quantity AS MATERIALIZED (
    SELECT o,
           bool_or(amount IS NULL OR length(name) NOT BETWEEN 1 AND 63 OR strpos(name, ',') > 0) OR count(*) > 16 AS malformed,
           count(*) FILTER (WHERE amount > 0) AS many,
           string_agg(name, ',' ORDER BY name COLLATE "C") FILTER (WHERE amount > 0) AS names,
           string_agg(name, ',') FILTER (WHERE amount = 0) AS zeros,
           array_agg(amount ORDER BY name COLLATE "C") FILTER (WHERE amount > 0) AS amounts,
           '{' || string_agg('"' || name || '":"' || amount || '"', ',' ORDER BY name COLLATE "C") FILTER (WHERE amount > 0) || '}' AS quantities
    FROM asked
    GROUP BY o
  ), item AS (
    SELECT i.o, coalesce(i."customerId", p_customer_id) AS customer, i."idempotencyKey" AS key, i."featureId" AS feature,
           coalesce(nullif(i."entityIds", 'null'), '[]') AS entities, i."sessionId" AS session,
           coalesce(nullif(i.dimensions, 'null'), '[]') AS dimensions, coalesce(i.overage, 'REJECT') AS overage, i."group", nullif(i.metadata, 'null') AS metadata,
           i."occurredAt" AS occurred_text,
           CASE WHEN i."occurredAt" IS NOT NULL AND i."occurredAt" ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)$'
                AND pg_input_is_valid(i."occurredAt", 'timestamptz') THEN i."occurredAt"::timestamptz END AS occurred,
           q.malformed, q.many, q.names, q.zeros, q.amounts, q.quantities
    FROM ROWS FROM (jsonb_to_recordset(p_items) AS (
        "idempotencyKey" text, "customerId" text, "featureId" text, "entityIds" jsonb, "sessionId" text, dimensions jsonb,
        overage text, "group" text, "occurredAt" text, metadata jsonb)) WITH ORDINALITY
      AS i ("idempotencyKey", "customerId", "featureId", "entityIds", "sessionId", dimensions, overage, "group", "occurredAt", metadata, o)
    JOIN quantity AS q ON q.o = i.o
  ), routed AS MATERIALIZED (
    SELECT item.*,
           dense_rank() OVER (ORDER BY customer COLLATE "C",
             concat_ws(E'\x1f', feature, names, entities::text, dimensions::text, occurred_text, zeros,
                       CASE WHEN p_sessions THEN session END) COLLATE "C")::integer AS route,
           (min(o) OVER (PARTITION BY customer, key))::integer AS first,
           (sum(many) OVER (ORDER BY o) - many)::integer AS amount_at
    FROM item
  ), route AS (
    SELECT DISTINCT ON (route) * FROM routed ORDER BY route, o
  )
  SELECT i.*, r.*, (SELECT array_agg(a.amount ORDER BY routed.o, a.n)
                    FROM routed, unnest(routed.amounts) WITH ORDINALITY AS a (amount, n))
  INTO v_malformed, v_request.i_customer, v_request.i_key, v_request.i_month, v_request.i_print, v_request.i_route,
       v_request.i_first, v_request.i_overage, v_request.i_group, v_request.i_session, v_request.i_metadata,
       v_request.i_quantities, v_request.i_amount,
       v_request.r_customer, v_request.r_feature, v_request.r_entities, v_request.r_session, v_request.r_dimensions,
       v_request.r_occurred, v_request.r_names, v_request.r_zeros, v_request.r_item, v_request.amounts
  FROM (
    SELECT bool_or(coalesce(malformed OR names IS NULL
               OR length(key) NOT BETWEEN 1 AND 255 OR length(customer) NOT BETWEEN 1 AND 128 OR length(feature) > 63
               OR jsonb_array_length(entities) > 4 OR length(session) > 128 OR jsonb_array_length(dimensions) > 8
               OR overage NOT IN ('REJECT', 'CAP', 'OVERDRAFT', 'RECORD')
               OR (overage = 'CAP' AND many <> 1)
               OR length("group") NOT BETWEEN 1 AND 128 OR ("group" IS NOT NULL AND overage IN ('CAP', 'RECORD'))
               OR (occurred_text IS NOT NULL AND (overage <> 'RECORD' OR occurred IS NULL OR occurred > p_at
                   OR occurred < date_trunc('month', p_at, 'UTC')))
               OR length(metadata::text) > 8192 OR customer <> p_customer_id
               OR core.key_month(key, p_undated) > p_at + interval '1 month', false)),
           array_agg(customer ORDER BY o), array_agg(key ORDER BY o), array_agg(core.key_month(key, p_undated) ORDER BY o),
           array_agg(int4send(hashtext(p_operation)) || int4send(hashtext(feature)) || int4send(hashtext(quantities))
             || int4send(hashtext(entities::text)) || int4send(hashtext(coalesce(session, ''))) || int4send(hashtext(overage))
             || int4send(coalesce(hashtext("group"), 0))
             || int4send(coalesce(hashtext(extract(epoch FROM occurred)::text), 0)) ORDER BY o),
           array_agg(route ORDER BY o), array_agg(first ORDER BY o), array_agg(overage ORDER BY o),
           array_agg("group" ORDER BY o), array_agg(session ORDER BY o), array_agg(metadata ORDER BY o),
           array_agg(quantities ORDER BY o), array_agg(amount_at ORDER BY o)
    FROM routed
  ) AS i, (
    SELECT array_agg(customer ORDER BY route), array_agg(feature ORDER BY route), array_agg(entities ORDER BY route),
           array_agg(session ORDER BY route), array_agg(dimensions ORDER BY route), array_agg(occurred ORDER BY route),
           array_agg(names ORDER BY route), array_agg(zeros ORDER BY route), array_agg(o::integer ORDER BY route)
    FROM route
  ) AS r;
  IF v_malformed THEN
    PERFORM core.refuse_malformed(p_items, p_customer_id, p_at);
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
