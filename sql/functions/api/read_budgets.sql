-- A page of a customer's budgets in the order of their making, with what their subjects have used in the
-- window of now. A counter whose window has passed shows nothing used, whether it was rolled or not; so does that of a session
-- thirty days after its last use. What an observed budget would have denied stays.
--
--   p_filter  budgetId, entityId (the subject it stands on; '' is the customer), onPathOf (entity ids: budgets
--             that bind a request naming these, and the subjects on that path alone), isActive, isArchived
--   p_after   key of the row before the page: [incarnation, budget number]
--
-- Of a budget on each of many, the hundred subjects used last are shown. Raises UC101 for a foreign cursor.
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
  v_path integer[];
BEGIN
  IF jsonb_typeof(p_filter -> 'onPathOf') = 'array' THEN
    SELECT array_agg(DISTINCT node) || 0 INTO v_path
    FROM core.entity AS e, unnest(e.path) AS node
    WHERE e.customer_id = p_customer_id
      AND e.entity_id = ANY (ARRAY(SELECT jsonb_array_elements_text(p_filter -> 'onPathOf')));
    v_path := coalesce(v_path, '{0}');
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
  FROM core.budget AS b
  JOIN core.entity AS e ON e.customer_id = b.customer_id AND e.entity_no = b.entity_no
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
      'entityId', s.entity_id, 'sessionId', CASE WHEN b.subject_kind = 'SESSION' THEN c.session_id END,
      'used', trim_scale(CASE WHEN c.goes_on THEN c.used ELSE 0 END)::text,
      'held', trim_scale(CASE WHEN c.goes_on THEN c.held - coalesce(d.held, 0) ELSE 0 END)::text,
      'windowStart', CASE WHEN now.starts_at > '-infinity' THEN now.starts_at END,
      'resetsAt', CASE WHEN now.ends_at < 'infinity' THEN now.ends_at END,
      'wouldDenyCount', c.would_deny_count::text, 'wouldDenyAmount', trim_scale(c.would_deny_amount)::text
    ) ORDER BY c.last_used_at DESC, c.counter_no), '[]') AS usage
    FROM (
      SELECT counter.*, counter.window_end > v_at AND (b.subject_kind <> 'SESSION' OR counter.last_used_at > v_at - interval '720 hours') AS goes_on
      FROM core.counter
      WHERE counter.customer_id = b.customer_id AND counter.budget_no = b.budget_no
        AND (v_path IS NULL OR counter.subject_no = ANY (v_path))
      ORDER BY counter.last_used_at DESC, counter.counter_no
      LIMIT c_most
    ) AS c
    JOIN core.entity AS s ON s.customer_id = c.customer_id AND s.entity_no = c.subject_no
    LEFT JOIN core.counter_dues(p_customer_id, v_at) AS d ON d.counter_no = c.counter_no
  ) AS u
  WHERE b.customer_id = p_customer_id
    AND (v_after IS NULL OR b.budget_no > v_after)
    AND (p_filter ->> 'budgetId' IS NULL OR b.budget_id = p_filter ->> 'budgetId')
    AND (v_entity_no IS NULL OR b.entity_no = v_entity_no)
    AND (v_path IS NULL OR b.entity_no = ANY (v_path))
    AND (p_filter ->> 'isActive' IS NULL OR b.is_active = (p_filter ->> 'isActive')::boolean)
    AND (p_filter ->> 'isArchived' IS NULL OR (b.archived_at IS NOT NULL) = (p_filter ->> 'isArchived')::boolean)
  ORDER BY b.budget_no
  LIMIT p_limit;
END
$$;
