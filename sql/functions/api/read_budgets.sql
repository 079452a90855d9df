-- A page of a customer's budgets in the order of their making, with what their subjects have used in the
-- window of now. A counter whose window has passed shows nothing used, whether it was rolled or not; so does that of a session
-- thirty days after its last use. What an observed budget would have denied stays.
--
--   p_filter  budgetId, entityId (the subject it stands on; '' is the customer), onPathOf (entity ids: budgets
--             that bind a request naming these, and the subjects on that path alone), isActive, isArchived; or
--             request (as api.consume takes it, all of it or its entityIds, sessionId, featureId, quantity or quantities, dimensions
--             and occurredAt) and nothing else
--   p_after   key of the row before the page: [incarnation, budget number]
--
-- Of a budget on each of many, the hundred subjects used last are shown. Of a request it is every budget that core.judge would count it
-- on, with every subject that it would count, who has used nothing yet at zero; whom the customer's policy would make, too.
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_budgets(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_most CONSTANT integer := 100;
  v_after integer := (core.page_key(p_after, 'integer') ->> 0)::integer;
  v_entity_no integer := core.entity_no_of(p_customer_id, p_filter ->> 'entityId');
  v_incarnation integer := (SELECT incarnation FROM core.installation);
  v_at timestamptz := (SELECT greatest(core.clock(), last_at) FROM core.gate WHERE customer_id = p_customer_id);
  v_since timestamptz := (SELECT created_at FROM core.customer WHERE customer_id = p_customer_id);
  v_budget_no integer := CASE WHEN p_filter ->> 'budgetId' IS NOT NULL THEN coalesce(
    (SELECT b.budget_no FROM core.budget AS b WHERE b.customer_id = p_customer_id AND b.budget_id = p_filter ->> 'budgetId'), -1) END;
  v_path integer[];
  v_request jsonb := p_filter -> 'request';
  v_session text := coalesce(v_request ->> 'sessionId', '');
  v_chain integer[]; v_types text[]; v_newcomers text[];
  v_dimensions jsonb;
  v_quantities text[];
  v_payable text[];
  v_page integer[];
BEGIN
  IF v_request IS NOT NULL THEN
    SELECT p.chain, p.types, p.newcomers INTO v_chain, v_types, v_newcomers
    FROM core.path_of_request(p_customer_id, nullif(v_request -> 'entityIds', 'null')) AS p;
    v_dimensions := (SELECT coalesce(jsonb_object_agg(d ->> 'key', d ->> 'value'), '{}') FROM jsonb_array_elements(nullif(v_request -> 'dimensions', 'null')) AS d);
    v_quantities := CASE WHEN v_request ->> 'quantity' IS NOT NULL THEN '{quantity}'
      ELSE ARRAY(SELECT q ->> 'name' FROM jsonb_array_elements(v_request -> 'quantities') AS q WHERE (q ->> 'amount')::numeric > 0) END;
    v_payable := core.payable_types(v_request ->> 'featureId', v_quantities, v_dimensions, coalesce((v_request ->> 'occurredAt')::timestamptz, v_at));
    -- By the index on entities: the customer may have a budget for each of a hundred thousand.
    v_page := ARRAY(
      SELECT b.budget_no
      FROM (SELECT DISTINCT node FROM unnest(v_chain) AS node) AS n
      CROSS JOIN LATERAL (SELECT * FROM core.budget AS b WHERE b.customer_id = p_customer_id AND b.entity_no = n.node AND b.is_active OFFSET 0) AS b
      WHERE (v_after IS NULL OR b.budget_no > v_after)
        AND (b.feature_id IS NULL OR b.feature_id = v_request ->> 'featureId')
        AND v_dimensions @> b.dimensions
        AND (ARRAY[b.quantity] <@ v_quantities OR ARRAY[b.credit_type] <@ v_payable)
        AND (b.subject_kind <> 'EACH' OR core.subjects_below(v_chain, v_types, b.entity_no, b.each_type) <> '{}')
      ORDER BY b.budget_no
      LIMIT p_limit);
  ELSE
    IF jsonb_typeof(p_filter -> 'onPathOf') = 'array' THEN
      SELECT array_agg(DISTINCT node) || 0 INTO v_path
      FROM core.entity AS e, unnest(e.path) AS node
      WHERE e.customer_id = p_customer_id
        AND e.entity_id = ANY (ARRAY(SELECT jsonb_array_elements_text(p_filter -> 'onPathOf')));
      v_path := coalesce(v_path, '{0}');
    END IF;
    v_page := ARRAY(
      SELECT b.budget_no
      FROM core.budget AS b
      WHERE b.customer_id = p_customer_id
        -- One budget is a range of one, as with entities: under an OR all of them would be walked over.
        AND b.budget_no > coalesce(v_after, -1)
        AND b.budget_no BETWEEN coalesce(v_budget_no, 0) AND coalesce(v_budget_no, 2147483647)
        AND (v_entity_no IS NULL OR b.entity_no = v_entity_no)
        AND (v_path IS NULL OR b.entity_no = ANY (v_path))
        AND (p_filter ->> 'isActive' IS NULL OR b.is_active = (p_filter ->> 'isActive')::boolean)
        AND (p_filter ->> 'isArchived' IS NULL OR (b.archived_at IS NOT NULL) = (p_filter ->> 'isArchived')::boolean)
      ORDER BY b.budget_no
      LIMIT p_limit);
  END IF;
  RETURN QUERY
  SELECT jsonb_build_object(
    'customerId', b.customer_id, 'budgetId', b.budget_id, 'entityId', e.entity_id, 'subject', b.subject_kind,
    'eachType', b.each_type, 'measure', b.measure, 'creditType', b.credit_type, 'featureId', b.feature_id,
    'quantity', b.quantity, 'dimensions', b.dimensions, 'window', b.budget_window, 'anchorAt', b.anchor_at,
    'timeZone', b.time_zone, 'mode', b.mode, 'baseLimit', trim_scale(b.amount_limit)::text,
    'raised', trim_scale(r.raised)::text, 'limit', trim_scale(b.amount_limit + r.raised)::text, 'advice', b.advice,
    'thresholds', coalesce((SELECT jsonb_agg(trim_scale(share)::text ORDER BY share) FROM unnest(b.thresholds) AS share), '[]'),
    'isActive', b.is_active, 'archivedAt', b.archived_at, 'createdAt', b.created_at, 'usage', u.usage,
    'key', jsonb_build_array(v_incarnation, b.budget_no))
  FROM unnest(v_page) AS page (budget_no)
  CROSS JOIN LATERAL (SELECT * FROM core.budget AS b WHERE b.customer_id = p_customer_id AND b.budget_no = page.budget_no LIMIT 1) AS b
  CROSS JOIN LATERAL (SELECT * FROM core.entity AS e WHERE e.customer_id = p_customer_id AND e.entity_no = b.entity_no LIMIT 1) AS e
  CROSS JOIN LATERAL (
    SELECT b.raised - coalesce(sum(amount), 0) AS raised
    FROM core.budget_raise AS ended
    WHERE ended.customer_id = b.customer_id AND ended.budget_no = b.budget_no AND NOT ended.has_ended AND ended.until <= v_at
  ) AS r
  CROSS JOIN LATERAL (
    SELECT w.* FROM core.window_of(b.budget_window, b.time_zone, b.anchor_at, v_since, v_at) AS w
  ) AS now
  CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
      'entityId', coalesce(s.entity_id, v_newcomers[-c.subject_no]), 'sessionId', CASE WHEN b.subject_kind = 'SESSION' THEN c.session_id END,
      'used', trim_scale(CASE WHEN g.goes_on THEN c.used ELSE 0 END)::text,
      'held', trim_scale(CASE WHEN g.goes_on THEN c.held - coalesce(d.held, 0) ELSE 0 END)::text,
      'windowStart', CASE WHEN now.starts_at > '-infinity' THEN now.starts_at END,
      'resetsAt', CASE WHEN now.ends_at < 'infinity' THEN now.ends_at END,
      'wouldDenyCount', coalesce(c.would_deny_count, 0)::text, 'wouldDenyAmount', trim_scale(coalesce(c.would_deny_amount, 0))::text
    ) ORDER BY c.last_used_at DESC NULLS LAST, c.counter_no, c.subject_no DESC), '[]') AS usage
    FROM (
      (SELECT counter.subject_no, counter.session_id, counter.counter_no, counter.window_end, counter.used, counter.held,
              counter.would_deny_count, counter.would_deny_amount, counter.last_used_at
       FROM core.counter
       WHERE v_request IS NULL AND counter.customer_id = b.customer_id AND counter.budget_no = b.budget_no
         AND (v_path IS NULL OR counter.subject_no = ANY (v_path))
       ORDER BY counter.last_used_at DESC, counter.counter_no
       LIMIT c_most)
      UNION ALL
      SELECT n.subject_no, v_session, c.counter_no, c.window_end, c.used, c.held, c.would_deny_count, c.would_deny_amount, c.last_used_at
      FROM unnest(CASE WHEN b.subject_kind = 'EACH' THEN core.subjects_below(v_chain, v_types, b.entity_no, b.each_type) ELSE ARRAY[b.entity_no] END) AS n (subject_no)
      LEFT JOIN LATERAL (SELECT * FROM core.counter AS c WHERE c.customer_id = b.customer_id AND c.budget_no = b.budget_no
                         AND c.subject_no = n.subject_no AND c.session_id = CASE WHEN b.subject_kind = 'SESSION' THEN v_session ELSE '' END LIMIT 1) AS c ON true
      WHERE v_request IS NOT NULL
    ) AS c
    CROSS JOIN LATERAL (
      SELECT c.window_end > v_at AND (b.subject_kind <> 'SESSION' OR c.last_used_at > v_at - interval '720 hours') AS goes_on
    ) AS g
    LEFT JOIN LATERAL (SELECT * FROM core.entity AS s WHERE s.customer_id = b.customer_id AND s.entity_no = c.subject_no LIMIT 1) AS s ON true
    LEFT JOIN core.counter_dues(p_customer_id, v_at) AS d ON d.counter_no = c.counter_no
  ) AS u
  ORDER BY b.budget_no;
END
$$;
