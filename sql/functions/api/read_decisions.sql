-- A page of a customer's recorded decisions. What only has its key beside them, a grant, a transfer, a reversal or a raise, is none:
-- its answer is an object and no list.
--
--   p_filter  idempotencyKey, reason, allowed, wouldAllow, featureId, budgetId and entityId (of what binds), recordedFrom,
--             recordedBefore; each may be absent
--   p_after   key of the row before the page: [incarnation, instant, month of the key, key] among denials, else [incarnation, month, key]
--
-- Denials alone, observed ones too (wouldAllow or allowed is false, or a reason is named): the newest first, by an index that has nothing
-- else. Else by key, the largest first: with time-ordered keys that is the newest first, and undated ones come last.
--
-- What a denial was for is not kept but as a print, which tells the feature among those of the catalogue.
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_decisions(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- Rows come in the order of an index, and no more of them than the page takes. How few pass a filter the planner cannot know: left alone
-- it sorts all.
SET enable_sort = off
SET enable_seqscan = off
AS $$
DECLARE
  v_denied CONSTANT boolean := p_filter ->> 'wouldAllow' = 'false' OR p_filter ->> 'allowed' = 'false' OR p_filter ? 'reason';
  v_after jsonb := core.page_key(p_after, VARIADIC CASE WHEN v_denied THEN ARRAY['timestamptz', 'date', 'text'] ELSE ARRAY['date', 'text'] END);
  v_key bytea := core.key_bytes(p_filter ->> 'idempotencyKey');
  v_month date := core.key_month(p_filter ->> 'idempotencyKey', (SELECT date_trunc('month', installed_at, 'UTC') AT TIME ZONE 'UTC' FROM core.installation)::date);
  v_feature bytea := int4send(hashtext(p_filter ->> 'featureId'));
  v_entity_no integer := core.entity_no_of(p_customer_id, p_filter ->> 'entityId');
  v_budget_no integer := CASE WHEN p_filter ? 'budgetId' THEN coalesce(
    (SELECT b.budget_no FROM core.budget AS b WHERE b.customer_id = p_customer_id AND b.budget_id = p_filter ->> 'budgetId'), -1) END;
  v_features jsonb;
BEGIN
  -- Two of one print, should there ever be any, tell nothing.
  SELECT jsonb_object_agg(encode(f.print, 'hex'), f.feature_id) INTO v_features
  FROM (
    SELECT int4send(hashtext(n.feature_id)) AS print, min(n.feature_id) AS feature_id
    FROM (SELECT DISTINCT feature_id FROM core.feature) AS n
    GROUP BY 1 HAVING count(*) = 1
  ) AS f;

  RETURN QUERY EXECUTE format($query$
    SELECT jsonb_build_object(
      'customerId', i.customer_id, 'idempotencyKey', core.key_text(i.key), 'allowed', i.allowed, 'reason', nullif(i.reason, ''),
      'seq', i.seq::text, 'recordedAt', i.recorded_at, 'answer', (core.show_answer(i.customer_id, i.answer::text) || '}')::json,
      'usageEventId', u.seq::text, 'reservationId', r.reservation_no::text, 'featureId', coalesce(u.feature_id, r.feature_id, i.feature_id),
      'quantities', coalesce(u.quantities, r.quantities),
      'catalogVersion', coalesce(u.catalog_version::text, r.catalog_version::text, CASE json_typeof(i.answer -> 0) WHEN 'number' THEN i.answer ->> 0 END),
      'entityIds', CASE WHEN coalesce(u.path, r.path) IS NOT NULL THEN (
        SELECT coalesce(jsonb_agg(e.entity_id ORDER BY n.o), '[]')
        FROM json_array_elements_text(coalesce(u.entity_nos, r.entity_nos, json_build_array(coalesce(u.path, r.path) -> 0))) WITH ORDINALITY AS n (entity_no, o)
        JOIN core.entity AS e ON e.customer_id = i.customer_id AND e.entity_no = n.entity_no::integer
        WHERE e.entity_no <> 0) END,
      'isOfNewcomer', coalesce(i.bound_no < 0, false),
      'key', jsonb_build_array((SELECT incarnation FROM core.installation), %1$s, core.key_text(i.key)))
    FROM (
      SELECT i.*, b.bound_no, $3 ->> encode(substr(i.fingerprint, 3, 4), 'hex') AS feature_id, substr(i.fingerprint, 1, 1) = 'r' AS holds
      FROM core.idempotency AS i
      -- Whose budget or wallet binds. An entity which was not there yet has no number but its place in the request, as a negative one.
      CROSS JOIN LATERAL (
        SELECT (i.answer -> 2 ->> CASE i.answer -> 2 ->> 0 WHEN 'WALLET' THEN 2 WHEN 'REQUEST_LIMIT' THEN NULL ELSE 1 END)::integer AS bound_no WHERE json_typeof(i.answer) = 'array'
      ) AS b
      WHERE i.customer_id = $1 AND %2$s
        AND ($6 IS NULL OR (i.key_month = $7 AND i.key = $6))
        AND ($2 ->> 'reason' IS NULL OR i.reason = $2 ->> 'reason')
        AND ($2 ->> 'allowed' IS NULL OR i.allowed = ($2 ->> 'allowed')::boolean)
        AND ($2 ->> 'wouldAllow' IS NULL OR (i.reason = '') = ($2 ->> 'wouldAllow')::boolean)
        AND ($8 IS NULL OR substr(i.fingerprint, 3, 4) = $8)
        AND ($9 IS NULL OR (b.bound_no = $9 AND $9 >= 0))
        AND ($10 IS NULL OR i.answer -> 2 ->> 0 = $10::text)
        AND ($2 ->> 'recordedFrom' IS NULL OR i.recorded_at >= ($2 ->> 'recordedFrom')::timestamptz)
        AND ($2 ->> 'recordedBefore' IS NULL OR i.recorded_at < ($2 ->> 'recordedBefore')::timestamptz)
      ORDER BY %3$s
      LIMIT $5
    ) AS i
    LEFT JOIN LATERAL (
      SELECT u.* FROM core.usage_event AS u
      WHERE i.allowed AND NOT i.holds AND u.customer_id = i.customer_id AND u.seq = i.seq AND u.recorded_at = i.recorded_at OFFSET 0
    ) AS u ON true
    LEFT JOIN LATERAL (
      SELECT r.* FROM core.reservation AS r
      WHERE i.allowed AND i.holds AND r.customer_id = i.customer_id AND r.reservation_no = i.seq OFFSET 0
    ) AS r ON true
    ORDER BY %3$s
    $query$,
    CASE WHEN v_denied THEN 'i.recorded_at, i.key_month' ELSE 'i.key_month' END,
    CASE WHEN v_denied THEN 'i.reason <> ''''' ELSE 'true' END
    || CASE WHEN v_after IS NULL THEN '' WHEN v_denied
         THEN ' AND (i.recorded_at, i.key_month, i.key) < (($4 ->> 0)::timestamptz, ($4 ->> 1)::date, core.key_bytes($4 ->> 2))'
         ELSE ' AND (i.key_month, i.key) < (($4 ->> 0)::date, core.key_bytes($4 ->> 1))' END,
    CASE WHEN v_denied THEN 'i.recorded_at DESC, ' ELSE '' END || 'i.key_month DESC, i.key DESC')
  USING p_customer_id, p_filter, v_features, v_after, p_limit, v_key, v_month, v_feature, v_entity_no, v_budget_no;
END
$$;
