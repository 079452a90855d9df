-- The tree of entities: each path is the entity and then its parent's path, beside it the types, and nothing that works
-- stands below what is archived; the gate counts them, and
-- knows what is due, what is suspended and the last number given; every customer has one.
CREATE OR REPLACE FUNCTION core.verify_tree(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH node AS (
    SELECT e.customer_id, CASE
      WHEN e.path <> e.entity_no || coalesce(p.path, '{}') OR e.path_types <> e.entity_type || coalesce(p.path_types, '{}')
        OR (p.entity_no IS NULL AND e.entity_no <> 0) OR (e.archived_at IS NULL AND p.archived_at IS NOT NULL)
      THEN jsonb_build_object('entityNo', e.entity_no, 'parentNo', e.parent_no, 'path', e.path, 'parentPath', p.path) END AS offender
    FROM core.entity AS e
    LEFT JOIN core.entity AS p ON p.customer_id = e.customer_id AND p.entity_no = e.parent_no
    WHERE p_customers IS NULL OR e.customer_id = ANY (p_customers)
  ), gate AS (
    SELECT g.customer_id, g.entity_count, g.last_no, g.next_due_at, g.counts_sessions, g.suspended_entities, f.*
    FROM core.gate AS g
    CROSS JOIN LATERAL (
      SELECT (SELECT count(*) FROM core.entity AS e WHERE e.customer_id = g.customer_id AND e.entity_no <> 0) AS entities,
             (SELECT array_agg(e.entity_no) FROM core.entity AS e WHERE e.customer_id = g.customer_id) AS numbers,
             greatest((SELECT max(e.entity_no) FROM core.entity AS e WHERE e.customer_id = g.customer_id),
                      (SELECT max(w.wallet_no) FROM core.wallet AS w WHERE w.customer_id = g.customer_id),
                      (SELECT max(b.budget_no) FROM core.budget AS b WHERE b.customer_id = g.customer_id),
                      (SELECT max(c.counter_no) FROM core.counter AS c WHERE c.customer_id = g.customer_id)) AS highest,
             core.next_due(g.customer_id, true) AS due_at,
             EXISTS (SELECT FROM core.budget AS b WHERE b.customer_id = g.customer_id AND b.is_active AND b.subject_kind = 'SESSION') AS has_sessions
    ) AS f
    WHERE p_customers IS NULL OR g.customer_id = ANY (p_customers)
  ), compared AS (
    SELECT g.customer_id, CASE
      WHEN g.entity_count <> g.entities OR g.last_no < g.highest OR g.next_due_at > g.due_at OR g.counts_sessions < g.has_sessions
        OR NOT g.suspended_entities <@ g.numbers
      THEN to_jsonb(g) - '{customer_id,numbers}'::text[] END AS offender
    FROM gate AS g
    UNION ALL
    -- Without a gate a customer is nobody's, whatever it has.
    SELECT coalesce(c.customer_id, g.customer_id), jsonb_build_object('hasGate', g.customer_id IS NOT NULL, 'isCustomer', c.customer_id IS NOT NULL)
    FROM core.customer AS c
    FULL JOIN core.gate AS g ON g.customer_id = c.customer_id
    WHERE (c.customer_id IS NULL OR g.customer_id IS NULL) AND (p_customers IS NULL OR coalesce(c.customer_id, g.customer_id) = ANY (p_customers))
  ), raised AS (
    SELECT b.customer_id, CASE WHEN b.raised <> coalesce(sum(r.amount), 0) THEN jsonb_build_object(
             'budgetId', b.budget_id, 'stored', trim_scale(b.raised)::text, 'raises', trim_scale(coalesce(sum(r.amount), 0))::text) END AS offender
    FROM core.budget AS b
    LEFT JOIN core.budget_raise AS r ON r.customer_id = b.customer_id AND r.budget_no = b.budget_no AND NOT r.has_ended
    WHERE p_customers IS NULL OR b.customer_id = ANY (p_customers)
    GROUP BY b.customer_id, b.budget_no
  )
  SELECT 'entities', NULL, count(*), NULL::jsonb FROM node
  UNION ALL (SELECT 'entities', n.customer_id, NULL, n.offender FROM node AS n WHERE n.offender IS NOT NULL LIMIT 20)
  UNION ALL SELECT 'gates', NULL, count(*), NULL::jsonb FROM compared
  UNION ALL (SELECT 'gates', c.customer_id, NULL, c.offender FROM compared AS c WHERE c.offender IS NOT NULL LIMIT 20)
  UNION ALL SELECT 'raises', NULL, count(*), NULL::jsonb FROM raised
  UNION ALL (SELECT 'raises', r.customer_id, NULL, r.offender FROM raised AS r WHERE r.offender IS NOT NULL LIMIT 20);
END
$$;
