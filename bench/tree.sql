-- A customer with a tree of p_entities: 2 046 teams in twos below each other, ten deep, and agents below them in turns, so that the
-- deepest path has twelve with the customer. Each entity has one counter: of a budget on each of its type, or (p_own) of one of its own. There is no
-- history behind them, which verify would miss: the tree is only read.
CREATE FUNCTION bench.make_tree(p_customer text, p_entities integer, p_own boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  c_teams CONSTANT integer := 2046;
  v_now timestamptz := now();
BEGIN
  INSERT INTO core.customer (customer_id, created_at) VALUES (p_customer, v_now);
  INSERT INTO core.entity (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types, created_at)
  WITH RECURSIVE tree (no, type, parent, path, types) AS (
    SELECT 0, 'customer', NULL::integer, '{0}'::integer[], '{customer}'::text[]
    UNION ALL
    SELECT n, CASE WHEN n <= c_teams THEN 'team' ELSE 'agent' END, t.no, n || t.path, CASE WHEN n <= c_teams THEN 'team' ELSE 'agent' END || t.types
    FROM tree AS t CROSS JOIN LATERAL (
      SELECT n FROM generate_series(2 * t.no + 1, 2 * t.no + 2) AS n WHERE n <= c_teams
      UNION ALL SELECT n FROM generate_series(c_teams + t.no, p_entities, c_teams) AS n WHERE t.no > 0
    ) AS n
    WHERE t.type <> 'agent'
  )
  SELECT p_customer, no, 'entity-' || no, type, parent, path, types, v_now FROM tree;
  INSERT INTO core.budget (customer_id, budget_no, budget_id, entity_no, subject_kind, each_type, measure, credit_type, budget_window, amount_limit, window_rank, counts_from_seq, created_at)
  SELECT p_customer, 1000000 + b.no, 'budget-' || b.no, b.owner, b.kind, b.type, 'CREDITS', 'general', 'MONTH', 1000, 5, 0, v_now
  FROM (
    SELECT entity_no AS no, entity_no AS owner, 'ENTITY' AS kind, NULL AS type FROM core.entity WHERE customer_id = p_customer AND entity_no > 0 AND p_own
    UNION ALL SELECT n, 0, 'EACH', t FROM (VALUES (1, 'team'), (2, 'agent')) AS e (n, t) WHERE NOT p_own
  ) AS b;
  INSERT INTO core.counter (customer_id, counter_no, budget_no, subject_no, window_start, window_end, used, held, last_used_at)
  SELECT e.customer_id, 2000000 + e.entity_no, 1000000 + CASE WHEN p_own THEN e.entity_no WHEN e.entity_type = 'team' THEN 1 ELSE 2 END, e.entity_no,
         w.starts_at, w.ends_at, (e.entity_no::bigint * 7919) % 1000 + 0.25, e.entity_no % 7, v_now
  FROM core.entity AS e CROSS JOIN core.window_of('MONTH', 'UTC', NULL, NULL, v_now) AS w
  WHERE e.customer_id = p_customer AND e.entity_no > 0;
  INSERT INTO core.gate (customer_id, seq, last_at, last_no, entity_count) VALUES (p_customer, 0, v_now, 3000000, p_entities);
  RETURN (SELECT count(*) FROM core.counter WHERE customer_id = p_customer);
END
$$;
