-- A page of a customer's reservations, the newest first, as they stand now: one that has expired says so, booked or not.
--
--   p_filter  reservationId, state, featureId, entityId (what named it, not what was below it), sessionId, ascending; each may be absent
--   p_after   key of the row before the page: [incarnation, reservation]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_reservations(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_after bigint := (core.page_key(p_after, 'bigint') ->> 0)::bigint;
  v_ascending boolean := coalesce((p_filter ->> 'ascending')::boolean, false);
  v_entity_no integer := core.entity_no_of(p_customer_id, p_filter ->> 'entityId');
  v_at timestamptz := (SELECT greatest(core.clock(), last_at) FROM core.gate WHERE customer_id = p_customer_id);
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT jsonb_build_object(
      'customerId', r.customer_id, 'reservationId', r.reservation_no::text, 'state', n.state, 'featureId', r.feature_id, 'sessionId', r.session_id,
      'entityIds', (SELECT coalesce(jsonb_agg(e.entity_id ORDER BY n.o), '[]')
                    FROM json_array_elements_text(coalesce(r.entity_nos, json_build_array(r.path -> 0))) WITH ORDINALITY AS n (entity_no, o)
                    JOIN core.entity AS e ON e.customer_id = r.customer_id AND e.entity_no = n.entity_no::integer
                    WHERE e.entity_no <> 0),
      'dimensions', r.dimensions, 'overage', r.overage, 'reservedAt', r.reserved_at, 'expiresAt', r.expires_at, 'catalogVersion', r.catalog_version::text,
      'quantities', r.quantities, 'settledQuantities', r.settled,
      'metadata', (SELECT m.metadata FROM core.usage_metadata AS m WHERE m.customer_id = r.customer_id AND m.seq = r.reservation_no),
      'held', t.held, 'settled', t.settled,
      'shortfall', (SELECT jsonb_object_agg(f.credit_type, trim_scale(f.amount)::text)
                    FROM (SELECT f ->> 0 AS credit_type, sum((f ->> 1)::numeric) AS amount FROM json_array_elements(r.shortfalls) AS f GROUP BY f ->> 0) AS f),
      'slices', (SELECT coalesce(jsonb_agg(s.slice - 'place' ORDER BY (s.slice ->> 'place')::integer), '[]')
                 FROM jsonb_array_elements(t.slices) AS type, jsonb_array_elements(type) AS s (slice)),
      'key', jsonb_build_array((SELECT incarnation FROM core.installation), r.reservation_no))
    FROM core.reservation AS r
    CROSS JOIN LATERAL (SELECT CASE WHEN r.state = 'HELD' AND r.expires_at <= $6 THEN 'EXPIRED' ELSE r.state END AS state) AS n
    CROSS JOIN LATERAL (
      SELECT jsonb_object_agg(t.credit_type, trim_scale(t.held)::text) FILTER (WHERE t.held > 0 AND n.state = 'HELD') AS held,
             jsonb_object_agg(t.credit_type, trim_scale(t.settled)::text) FILTER (WHERE t.settled > 0) AS settled, jsonb_agg(t.slices) AS slices
      FROM (
        SELECT w.credit_type, sum((s ->> 2)::numeric - coalesce((s ->> 3)::numeric, 0)) AS held, sum(coalesce((s ->> 3)::numeric, 0)) AS settled,
               jsonb_agg(jsonb_build_object('walletId', w.wallet_id, 'grantId', s ->> 1, 'creditType', w.credit_type, 'place', o,
                 'held', trim_scale(CASE n.state WHEN 'HELD' THEN (s ->> 2)::numeric - coalesce((s ->> 3)::numeric, 0) ELSE 0 END)::text,
                 'settled', coalesce(s ->> 3, '0'))) AS slices
        FROM json_array_elements(r.slices) WITH ORDINALITY AS s (s, o)
        JOIN core.wallet AS w ON w.customer_id = r.customer_id AND w.wallet_no = (s ->> 0)::integer
        WHERE s ->> 1 IS DISTINCT FROM '0'
        GROUP BY w.credit_type
      ) AS t
    ) AS t
    WHERE r.customer_id = $1
      AND ($2 IS NULL OR r.reservation_no %s $2)
      AND ($3 IS NULL OR $3 IN (SELECT n::integer FROM json_array_elements_text(coalesce(r.entity_nos, json_build_array(r.path -> 0))) AS n))
      AND ($7 IS NULL OR r.reservation_no = $7)
      AND ($4 ->> 'state' IS NULL OR n.state = $4 ->> 'state')
      AND ($4 ->> 'featureId' IS NULL OR r.feature_id = $4 ->> 'featureId')
      AND ($4 ->> 'sessionId' IS NULL OR r.session_id = $4 ->> 'sessionId')
    ORDER BY r.reservation_no %s
    LIMIT $5
    $query$, CASE WHEN v_ascending THEN '>' ELSE '<' END, CASE WHEN v_ascending THEN 'ASC' ELSE 'DESC' END)
  USING p_customer_id, v_after, v_entity_no, p_filter, p_limit, v_at, core.number_of(p_filter ->> 'reservationId');
END
$$;
