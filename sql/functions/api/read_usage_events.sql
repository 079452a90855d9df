-- A page of a customer's usage events, the newest first.
--
--   p_filter  usageEventId, reservationId (what settled it), featureId, entityId, sessionId, fromSeq, toSeq, recordedFrom, recordedBefore, ascending;
--             isReversed (in whole or part); each may be absent. entityId finds what named it, not what was below it.
--   p_after   key of the row before the page: [incarnation, seq]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_usage_events(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
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
BEGIN
  RETURN QUERY EXECUTE format($query$
    SELECT jsonb_build_object(
      'customerId', u.customer_id, 'usageEventId', u.seq::text, 'seq', u.seq::text, 'recordedAt', u.recorded_at,
      'occurredAt', coalesce(u.occurred_at, u.recorded_at), 'featureId', u.feature_id, 'sessionId', u.session_id,
      'entityIds', (SELECT coalesce(jsonb_agg(e.entity_id ORDER BY n.o), '[]')
                    FROM json_array_elements_text(coalesce(u.entity_nos, json_build_array(u.path -> 0))) WITH ORDINALITY AS n (entity_no, o)
                    JOIN core.entity AS e ON e.customer_id = u.customer_id AND e.entity_no = n.entity_no::integer
                    WHERE e.entity_no <> 0),
      'dimensions', u.dimensions, 'quantities', u.quantities, 'credits', u.credits, 'shortfall', u.shortfall,
      'reason', u.reason, 'reservationId', u.reservation_no::text, 'catalogVersion', u.catalog_version::text,
      'reversed', r.share, 'reversals', r.reversals,
      'metadata', (SELECT m.metadata FROM core.usage_metadata AS m
                   WHERE m.customer_id = u.customer_id AND m.seq = coalesce(u.reservation_no, u.seq)),
      'key', jsonb_build_array((SELECT incarnation FROM core.installation), u.seq))
    FROM core.usage_event AS u
    CROSS JOIN LATERAL (
      SELECT coalesce(trim_scale(sum(v.share)), 0)::text AS share, coalesce(jsonb_agg(jsonb_build_object(
        'customerId', v.customer_id, 'seq', v.seq::text, 'recordedAt', v.recorded_at, 'usageEventId', v.event_seq::text, 'share', trim_scale(v.share)::text,
        'quantities', v.quantities, 'credits', v.credits, 'shortfall', v.shortfall, 'reason', w.reason, 'actor', v.actor) ORDER BY v.seq), '[]') AS reversals
      FROM core.reversal AS v
      LEFT JOIN core.reversal_reason AS w ON w.customer_id = v.customer_id AND w.seq = v.seq
      WHERE v.customer_id = u.customer_id AND v.event_seq = u.seq
    ) AS r
    WHERE u.customer_id = $1
      AND ($2 IS NULL OR u.seq %s $2)
      AND ($3 IS NULL OR $3 IN (SELECT n::integer FROM json_array_elements_text(coalesce(u.entity_nos, json_build_array(u.path -> 0))) AS n))
      AND ($6 IS NULL OR u.seq = $6)
      AND ($7 IS NULL OR u.reservation_no = $7)
      AND ($4 ->> 'isReversed' IS NULL OR (r.share <> '0') = ($4 ->> 'isReversed')::boolean)
      AND ($4 ->> 'featureId' IS NULL OR u.feature_id = $4 ->> 'featureId')
      AND ($4 ->> 'sessionId' IS NULL OR u.session_id = $4 ->> 'sessionId')
      AND ($4 ->> 'fromSeq' IS NULL OR u.seq >= ($4 ->> 'fromSeq')::bigint)
      AND ($4 ->> 'toSeq' IS NULL OR u.seq <= ($4 ->> 'toSeq')::bigint)
      AND ($4 ->> 'recordedFrom' IS NULL OR u.recorded_at >= ($4 ->> 'recordedFrom')::timestamptz)
      AND ($4 ->> 'recordedBefore' IS NULL OR u.recorded_at < ($4 ->> 'recordedBefore')::timestamptz)
    ORDER BY u.seq %s
    LIMIT $5
    $query$, CASE WHEN v_ascending THEN '>' ELSE '<' END, CASE WHEN v_ascending THEN 'ASC' ELSE 'DESC' END)
  USING p_customer_id, v_after, v_entity_no, p_filter, p_limit, core.number_of(p_filter ->> 'usageEventId'), core.number_of(p_filter ->> 'reservationId');
END
$$;
