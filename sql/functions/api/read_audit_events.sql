-- A page of who changed what, the newest first.
--
--   p_customer_id  NULL: of every customer, and of the whole installation (catalogue, months, recoveries)
--   p_filter       kind (see report.audit_event_kinds), subject (its id; of an entity also what archived it with one above it), actor,
--                  recordedFrom, recordedBefore, seq (of the customer's), changeId (of the installation's), withKeys (changes of
--                  API keys too: of those bound to the customer, or of all; default false); each may be absent
--   p_after        key of the row before the page: [incarnation, recorded at, customer or '', seq or 0, change id or '']
--
-- Why a budget was raised stands with the raise, since it may name somebody who is to be forgotten, and is told as it is there now.
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_audit_events(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_key jsonb := core.page_key(p_after, 'timestamptz', 'text', 'bigint', 'text');
  v_incarnation integer := (SELECT incarnation FROM core.installation);
BEGIN
  -- Each history is read in its own order and no further than the page goes, hence put together for what is asked.
  RETURN QUERY EXECUTE format($query$
    SELECT jsonb_build_object(
      'customerId', a.customer_id, 'seq', nullif(a.seq, 0)::text, 'changeId', nullif(a.change_id, ''), 'recordedAt', a.recorded_at,
      'effectiveAt', a.effective_at, 'kind', a.kind, 'subjectType', a.subject_type, 'subject', a.subject, 'actor', a.actor,
      'before', core.show_change(a.customer_id, a.before), 'after', core.show_change(a.customer_id, a.after || CASE WHEN a.kind = 'RAISE'
        THEN jsonb_build_object('reason', (SELECT r.reason FROM core.budget_raise AS r WHERE r.customer_id = a.customer_id AND r.raise_no = a.seq))
        ELSE '{}' END),
      'key', jsonb_build_array($5, a.recorded_at, CASE WHEN a.seq = 0 THEN '' ELSE a.customer_id END, a.seq, a.change_id))
    FROM (
      (SELECT c.customer_id, c.seq, '' AS change_id, c.recorded_at, c.effective_at, c.kind,
              CASE WHEN k.subject_type = 'ENTITY' AND c.subject = '0' THEN 'CUSTOMER' ELSE k.subject_type END AS subject_type,
              s.subject, c.actor, c.before, c.after
       FROM core.change AS c
       LEFT JOIN report.audit_event_kinds AS k ON k.kind = c.kind
       CROSS JOIN LATERAL (SELECT CASE k.subject_type
         WHEN 'ENTITY' THEN (SELECT coalesce(e.entity_id, c.customer_id) FROM core.entity AS e
                             WHERE e.customer_id = c.customer_id AND e.entity_no = c.subject::integer)
         WHEN 'BUDGET' THEN (SELECT b.budget_id FROM core.budget AS b WHERE b.customer_id = c.customer_id AND b.budget_no = c.subject::integer)
         WHEN 'WALLET' THEN (SELECT w.wallet_id FROM core.wallet AS w WHERE w.customer_id = c.customer_id AND w.wallet_no = c.subject::integer)
         ELSE c.subject END AS subject) AS s
       WHERE %1$s AND ($3 IS NULL OR (c.recorded_at, c.customer_id, c.seq) < (($3 ->> 0)::timestamptz, $3 ->> 1, ($3 ->> 2)::bigint))
         AND NOT $2 ? 'changeId'
         AND ($2 ->> 'seq' IS NULL OR c.seq = ($2 ->> 'seq')::bigint)
         AND ($2 ->> 'kind' IS NULL OR c.kind = $2 ->> 'kind')
         AND ($2 ->> 'actor' IS NULL OR c.actor = $2 ->> 'actor')
         AND ($2 ->> 'recordedFrom' IS NULL OR c.recorded_at >= ($2 ->> 'recordedFrom')::timestamptz)
         AND ($2 ->> 'recordedBefore' IS NULL OR c.recorded_at < ($2 ->> 'recordedBefore')::timestamptz)
         AND ($2 ->> 'subject' IS NULL OR s.subject = $2 ->> 'subject' OR (c.kind = 'ENTITY_ARCHIVED' AND EXISTS (
           SELECT FROM core.entity AS e WHERE e.customer_id = c.customer_id AND e.entity_id = $2 ->> 'subject'
             AND c.after -> 'entityNos' @> to_jsonb(e.entity_no))))
       ORDER BY c.recorded_at DESC, c.customer_id DESC, c.seq DESC
       LIMIT $4)
      UNION ALL
      (SELECT y.customer_id, 0, i.change_id::text, i.recorded_at, NULL, i.kind, k.subject_type, i.subject, i.actor, i.before, i.after
       FROM core.installation_change AS i
       LEFT JOIN report.audit_event_kinds AS k ON k.kind = i.kind
       LEFT JOIN core.api_key AS y ON y.key_id = i.subject AND i.kind = 'API_KEY'
       WHERE %2$s AND ($3 IS NULL OR (i.recorded_at, '', i.change_id::text) < (($3 ->> 0)::timestamptz, $3 ->> 1, $3 ->> 3))
         AND (i.kind <> 'API_KEY' OR coalesce(($2 ->> 'withKeys')::boolean, false))
         AND NOT $2 ? 'seq'
         AND ($2 ->> 'changeId' IS NULL OR i.change_id::text = $2 ->> 'changeId')
         AND ($2 ->> 'kind' IS NULL OR i.kind = $2 ->> 'kind')
         AND ($2 ->> 'actor' IS NULL OR i.actor = $2 ->> 'actor')
         AND ($2 ->> 'recordedFrom' IS NULL OR i.recorded_at >= ($2 ->> 'recordedFrom')::timestamptz)
         AND ($2 ->> 'recordedBefore' IS NULL OR i.recorded_at < ($2 ->> 'recordedBefore')::timestamptz)
         AND ($2 ->> 'subject' IS NULL OR i.subject = $2 ->> 'subject')
       ORDER BY i.recorded_at DESC, i.change_id::text DESC
       LIMIT $4)
    ) AS a
    ORDER BY a.recorded_at DESC, CASE WHEN a.seq = 0 THEN '' ELSE a.customer_id END DESC, a.seq DESC, a.change_id DESC
    LIMIT $4
    $query$,
    CASE WHEN p_customer_id IS NULL THEN 'true' ELSE 'c.customer_id = $1' END,
    CASE WHEN p_customer_id IS NULL THEN 'true' ELSE 'y.customer_id = $1' END)
  USING p_customer_id, p_filter, v_key, p_limit, v_incarnation;
END
$$;
