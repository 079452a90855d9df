-- A page of what a customer's budgets count, one row for each active budget and each subject that it counts: the entity it stands on,
-- each entity of its type below that, each session. Entities that have used nothing have a row too, at zero, so that a dashboard
-- shows all of a team and not only those who work; a session has one for thirty days after its last use. Archived entities have none.
--
-- Every figure is the one that api.check would go by in this snapshot: raises that have ended, windows that have passed and holds
-- that have expired count as such, booked or not.
--
--   p_filter  entityId (the subject), parentId (subjects directly below it), belowId (it and all below it), each '' for the customer
--             itself; entityType (of the subject), budgetId, featureId, creditType, mode; minimumUtilisation, a number;
--             orderBy: UTILISATION (the default; highest first), ENTITY (in the order of their making) or RESETS_AT (soonest first)
--   p_after   key of the row before the page: [incarnation, order, rank, entity, budget, session]
--
-- Utilisation is (used + held) / limit. Of a limit of zero it is 0 while nothing is used; afterwards it is more than any number,
-- which is shown as null and comes first. Pages follow the figures of their own instants: a row whose utilisation passes the place
-- between two pages meanwhile may come twice or not at all, and no other.
--
-- Raises UC101 for a foreign cursor, and for one of another order.
--
-- It is planned anew each time, since a page below one parent and one of a hundred thousand entities have nothing in common; and not
-- compiled, since the planner takes the rows of one customer for far more than they are.
CREATE OR REPLACE FUNCTION api.read_budget_tree(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_mergejoin = off
SET enable_nestloop = on
SET jit = off
SET work_mem = '32MB'
AS $$
DECLARE
  c_most CONSTANT numeric := 99999999999999999999999999999.999999999; -- as core.judge has it
  v_order text := coalesce(p_filter ->> 'orderBy', 'UTILISATION');
  v_after jsonb := core.page_key(p_after, 'text', 'numeric', 'integer', 'integer', 'text');
  v_after_rank numeric;
  v_after_entity integer := (v_after ->> 2)::integer;
  v_after_budget integer := (v_after ->> 3)::integer;
  v_after_session text := v_after ->> 4;
  v_incarnation integer := (SELECT incarnation FROM core.installation);
  v_at timestamptz := (SELECT greatest(core.clock(), last_at) FROM core.gate WHERE customer_id = p_customer_id);
  v_since timestamptz := (SELECT created_at FROM core.customer WHERE customer_id = p_customer_id);
  v_due boolean := (SELECT next_due_at <= v_at FROM core.gate WHERE customer_id = p_customer_id);
  v_entity_no integer := core.entity_no_of(p_customer_id, p_filter ->> 'entityId');
  v_parent_no integer := core.entity_no_of(p_customer_id, p_filter ->> 'parentId');
  v_below_no integer := core.entity_no_of(p_customer_id, p_filter ->> 'belowId');
  v_type text := p_filter ->> 'entityType';
  v_budget_id text := p_filter ->> 'budgetId';
  v_feature text := p_filter ->> 'featureId';
  v_credit_type text := p_filter ->> 'creditType';
  v_mode text := p_filter ->> 'mode';
  v_minimum numeric := (p_filter ->> 'minimumUtilisation')::numeric;
  v_nodes integer[] := core.entities_below(p_customer_id, v_entity_no, v_parent_no, v_below_no);
  v_all boolean := v_nodes IS NULL AND v_type IS NULL;
  v_owners integer[];
  v_types text[];
  v_ended integer[]; v_ended_amount numeric[];
  v_expired integer[]; v_expired_held numeric[];
BEGIN
  IF v_after ->> 0 <> v_order THEN
    PERFORM core.refuse_faults(core.fault('after', 'CURSOR_INVALID', 'is of another order; begin again without a cursor'));
  END IF;
  v_after_rank := (v_after ->> 1)::numeric;
  -- Who may own a budget that counts one of these: they, and those above them.
  IF v_nodes IS NOT NULL THEN
    v_owners := v_nodes || coalesce((SELECT path FROM core.entity
      WHERE customer_id = p_customer_id AND entity_no = coalesce(v_entity_no, v_parent_no, v_below_no)), '{}');
  END IF;
  IF v_due THEN
    SELECT array_agg(r.budget_no), array_agg(r.amount) INTO v_ended, v_ended_amount
    FROM (SELECT budget_no, sum(amount) AS amount FROM core.budget_raise
          WHERE customer_id = p_customer_id AND NOT has_ended AND until <= v_at GROUP BY budget_no) AS r;
    SELECT array_agg(d.counter_no), array_agg(d.held) INTO v_expired, v_expired_held FROM core.counter_dues(p_customer_id, v_at) AS d;
  END IF;
  -- Types that are counted below an entity: those alone have their paths looked through.
  SELECT array_agg(DISTINCT each_type) INTO v_types
  FROM core.budget
  WHERE customer_id = p_customer_id AND is_active AND subject_kind = 'EACH' AND entity_no <> 0 AND (v_owners IS NULL OR entity_no = ANY (v_owners));
  -- Of everything, each table is read once; what is looked up for the page alone stands in laterals. The function's own setting
  -- ends with it.
  IF v_nodes IS NULL THEN
    PERFORM set_config('enable_nestloop', 'off', true);
  END IF;
  RETURN QUERY
  WITH budget AS NOT MATERIALIZED (
    SELECT b.budget_no, b.entity_no, b.subject_kind, b.each_type, b.budget_window, b.time_zone, b.anchor_at, b.amount_limit + b.raised AS amount_limit
    FROM core.budget AS b
    WHERE b.customer_id = p_customer_id AND b.is_active AND (v_owners IS NULL OR b.entity_no = ANY (v_owners))
      AND (v_budget_id IS NULL OR b.budget_id = v_budget_id) AND (v_feature IS NULL OR b.feature_id = v_feature)
      AND (v_credit_type IS NULL OR b.credit_type = v_credit_type) AND (v_mode IS NULL OR b.mode = v_mode)
  ), node AS NOT MATERIALIZED (
    SELECT e.entity_no, e.entity_type, e.path
    FROM core.entity AS e
    WHERE e.customer_id = p_customer_id AND e.archived_at IS NULL AND (v_nodes IS NULL OR e.entity_no = ANY (v_nodes))
      AND (v_type IS NULL OR e.entity_type = v_type) AND (v_parent_no IS NULL OR e.parent_no = v_parent_no)
      AND (v_below_no IS NULL OR v_below_no = ANY (e.path))
  ), subject AS (
    -- Of everything, the archived are left out, rather than the others looked up.
    SELECT b.*, b.entity_no AS subject_no
    FROM budget AS b
    WHERE b.subject_kind <> 'EACH' AND v_all AND NOT EXISTS (
      SELECT FROM core.entity AS e WHERE e.customer_id = p_customer_id AND e.entity_no = b.entity_no AND e.archived_at IS NOT NULL)
    UNION ALL
    SELECT b.*, n.entity_no
    FROM budget AS b JOIN node AS n ON n.entity_no = b.entity_no
    WHERE b.subject_kind <> 'EACH' AND NOT v_all
    UNION ALL
    SELECT b.*, n.entity_no
    FROM budget AS b CROSS JOIN LATERAL (SELECT n.entity_no FROM node AS n WHERE n.entity_type = b.each_type AND n.entity_no <> 0 OFFSET 0) AS n
    WHERE b.subject_kind = 'EACH' AND b.entity_no = 0
    UNION ALL
    SELECT b.*, n.entity_no
    FROM node AS n CROSS JOIN LATERAL unnest(n.path[2:]) AS o (owner_no) JOIN budget AS b ON b.entity_no = o.owner_no AND b.each_type = n.entity_type
    WHERE b.subject_kind = 'EACH' AND b.entity_no <> 0 AND v_types IS NOT NULL AND n.entity_type = ANY (v_types)
  ), begun AS (
    -- Windows that begin, where rows are in their order: one for all budgets that share it.
    SELECT w.*, coalesce(w.anchor_at, '-infinity') AS anchor, (core.window_of(w.budget_window, w.time_zone, w.anchor_at, v_since, v_at)).ends_at
    FROM (SELECT DISTINCT b.budget_window, b.time_zone, b.anchor_at FROM budget AS b WHERE v_order = 'RESETS_AT') AS w
  ), counted AS (
    SELECT s.budget_no, s.subject_no, coalesce(c.session_id, '') AS session_id, c.counter_no, coalesce(c.window_end > v_at, false) AS goes_on,
           least(CASE WHEN r.amount IS NULL THEN s.amount_limit ELSE s.amount_limit - r.amount END, c_most) AS in_force,
           CASE WHEN c.window_end > v_at THEN CASE WHEN d.held IS NULL THEN c.used + c.held ELSE c.used + c.held - d.held END ELSE 0 END AS taken,
           CASE WHEN c.window_end > v_at THEN c.window_end ELSE w.ends_at END AS ends_at
    FROM subject AS s
    LEFT JOIN core.counter AS c ON c.customer_id = p_customer_id AND c.budget_no = s.budget_no AND c.subject_no = s.subject_no
      AND (s.subject_kind <> 'SESSION' OR c.last_used_at > v_at - interval '720 hours')
    LEFT JOIN unnest(v_ended, v_ended_amount) AS r (budget_no, amount) ON v_due AND r.budget_no = s.budget_no
    LEFT JOIN unnest(v_expired, v_expired_held) AS d (counter_no, held) ON v_due AND d.counter_no = c.counter_no
    LEFT JOIN begun AS w ON v_order = 'RESETS_AT' AND w.budget_window = s.budget_window AND w.time_zone = s.time_zone
      AND w.anchor = coalesce(s.anchor_at, '-infinity')
    WHERE s.subject_kind <> 'SESSION' OR c.counter_no IS NOT NULL
    OFFSET 0 -- so that each figure is worked out once
  ), used AS (
    SELECT c.*, CASE WHEN c.in_force > 0 THEN c.taken / c.in_force WHEN c.taken = 0 THEN 0 ELSE 'Infinity' END AS utilisation
    FROM counted AS c
    OFFSET 0
  ), ranked AS (
    SELECT u.*, CASE v_order WHEN 'UTILISATION' THEN -u.utilisation WHEN 'RESETS_AT' THEN extract(epoch FROM u.ends_at) ELSE 0 END AS rank
    FROM used AS u
    WHERE v_minimum IS NULL OR u.utilisation >= v_minimum
  ), page AS (
    SELECT r.*
    FROM ranked AS r
    WHERE v_after IS NULL OR (r.rank, r.subject_no, r.budget_no, r.session_id COLLATE "C") > (v_after_rank, v_after_entity, v_after_budget, v_after_session)
    ORDER BY r.rank, r.subject_no, r.budget_no, r.session_id COLLATE "C"
    LIMIT p_limit
  )
  SELECT jsonb_build_object(
    'customerId', b.customer_id, 'entityId', e.entity_id, 'entityType', e.entity_type, 'entityName', e.name, 'parentId', u.entity_id,
    'sessionId', CASE WHEN b.subject_kind = 'SESSION' THEN p.session_id END,
    'budgetId', b.budget_id, 'subject', b.subject_kind, 'measure', b.measure, 'creditType', b.credit_type, 'featureId', b.feature_id,
    'quantity', b.quantity, 'dimensions', b.dimensions, 'window', b.budget_window, 'mode', b.mode,
    'limit', trim_scale(p.in_force)::text, 'used', trim_scale(n.used)::text, 'held', trim_scale(p.taken - n.used)::text,
    'remaining', trim_scale(greatest(p.in_force - p.taken, 0))::text,
    'utilisation', CASE WHEN p.utilisation < 'Infinity' THEN trim_scale(round(p.utilisation, 9)) END,
    'windowStart', CASE WHEN n.starts_at > '-infinity' THEN n.starts_at END, 'resetsAt', CASE WHEN n.ends_at < 'infinity' THEN n.ends_at END,
    'wouldDenyCount', coalesce(c.would_deny_count, 0)::text, 'wouldDenyAmount', trim_scale(coalesce(c.would_deny_amount, 0))::text,
    'key', jsonb_build_array(v_incarnation, v_order, p.rank::text, p.subject_no, p.budget_no, p.session_id))
  FROM page AS p
  CROSS JOIN LATERAL (SELECT * FROM core.budget AS b WHERE b.customer_id = p_customer_id AND b.budget_no = p.budget_no LIMIT 1) AS b
  CROSS JOIN LATERAL (SELECT * FROM core.entity AS e WHERE e.customer_id = p_customer_id AND e.entity_no = p.subject_no LIMIT 1) AS e
  LEFT JOIN LATERAL (SELECT * FROM core.entity AS u WHERE u.customer_id = p_customer_id AND u.entity_no = e.parent_no LIMIT 1) AS u ON true
  LEFT JOIN LATERAL (SELECT * FROM core.counter AS c WHERE c.customer_id = p_customer_id AND c.counter_no = p.counter_no LIMIT 1) AS c ON true
  CROSS JOIN LATERAL (
    SELECT c.window_start AS starts_at, c.window_end AS ends_at, c.used WHERE p.goes_on
    UNION ALL
    SELECT w.starts_at, w.ends_at, 0 FROM core.window_of(b.budget_window, b.time_zone, b.anchor_at, v_since, v_at) AS w WHERE NOT p.goes_on
  ) AS n
  ORDER BY p.rank, p.subject_no, p.budget_no, p.session_id COLLATE "C";
END
$$;
