-- A tree twelve deep, the customer included, in branches of 10 000: two regions, divisions below them in turns, and below each division
-- 510 teams in twos and as many agents below them, in turns, as make the division's 10 000 full; the last one takes what is left.
CREATE FUNCTION bench.branches(p_entities integer)
RETURNS TABLE (no integer, entity_id text, entity_type text, parent_no integer) LANGUAGE sql STABLE AS $$
  SELECT n, b.type || '-' || n, b.type,
         CASE b.type WHEN 'region' THEN 0 WHEN 'division' THEN 1 + (n - 3) / 10000 % 2
                     WHEN 'team' THEN n - b.l + (b.l - 1) / 2 ELSE n - b.l + 1 + b.l % 510 END
  FROM generate_series(1, p_entities) AS n
  CROSS JOIN LATERAL (
    SELECT (n - 3) % 10000 AS l,
           CASE WHEN n < 3 THEN 'region' WHEN (n - 3) % 10000 = 0 THEN 'division' WHEN (n - 3) % 10000 <= 510 THEN 'team' ELSE 'agent' END AS type) AS b
$$;

-- A customer with such a tree, with a budget for each entity of every type, and with credits.
CREATE FUNCTION bench.make_branches(p_customer text, p_entities integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := now();
BEGIN
  PERFORM api.upsert_customer(p_customer, '{}', 'bench');
  INSERT INTO core.entity (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types, created_at)
  WITH RECURSIVE branch AS MATERIALIZED (
    SELECT * FROM bench.branches(p_entities)
  ), tree AS (
    SELECT e.entity_no AS no, e.path, e.path_types AS types FROM core.entity AS e WHERE e.customer_id = p_customer
    UNION ALL
    SELECT b.no, b.no || t.path, b.entity_type || t.types FROM tree AS t JOIN branch AS b ON b.parent_no = t.no
  )
  SELECT p_customer, b.no, b.entity_id, b.entity_type, b.parent_no, t.path, t.types, v_now FROM tree AS t JOIN branch AS b ON b.no = t.no;
  UPDATE core.gate SET last_no = p_entities + last_no, entity_count = p_entities WHERE customer_id = p_customer;
  PERFORM api.grant_credits(p_customer, '{"creditType": "general", "amount": "1000000000", "idempotencyKey": "grant-1"}', 'bench');
  PERFORM api.set_budget(p_customer, jsonb_build_object('budgetId', t, 'each', t, 'measure', 'CREDITS', 'creditType', 'general', 'window', 'MONTH', 'limit', '1000000000'), 'bench')
  FROM unnest('{region,division,team,agent}'::text[]) AS t;
  RETURN (SELECT count(*) FROM core.entity WHERE customer_id = p_customer AND entity_no > 0);
END
$$;
