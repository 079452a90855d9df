-- A customer with p_axes branches, each so deep that the path of its leaf, agent-1 and so on, has p_depth entities, the customer
-- included; with one budget on each entity; otherwise like those of seed.sql. It has consumed once, for all its agents together.
CREATE FUNCTION bench.make_deep(p_customer text, p_depth integer, p_axes integer DEFAULT 1) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := now();
  v_below integer := p_depth - 1;
BEGIN
  INSERT INTO core.customer (customer_id, created_at) VALUES (p_customer, v_now);
  INSERT INTO core.entity (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types, created_at)
  SELECT p_customer, 0, NULL, 'customer', NULL, '{0}', '{customer}', v_now
  UNION ALL
  SELECT p_customer, v_first + n, CASE WHEN n = v_below THEN 'agent-' || axis ELSE 'entity-' || v_first + n END, concat('axis-', axis, '-level-', n),
         CASE WHEN n > 1 THEN v_first + n - 1 ELSE 0 END, ARRAY(SELECT v_first + a FROM generate_series(n, 1, -1) AS a) || 0,
         ARRAY(SELECT concat('axis-', axis, '-level-', a) FROM generate_series(n, 1, -1) AS a) || 'customer'::text, v_now
  FROM generate_series(1, p_axes) AS axis, LATERAL (SELECT (axis - 1) * v_below AS v_first) AS f, generate_series(1, v_below) AS n;
  INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, available, created_at)
  VALUES (p_customer, 100, 'customer:general', 0, 'general', 3e9, v_now);
  INSERT INTO core.credit_grant (customer_id, grant_no, wallet_no, grant_kind, effective_at, amount, remaining, created_at)
  SELECT p_customer, g.no, 100, g.kind, v_now - interval '1 day', 1e9, 1e9, v_now
  FROM (VALUES (1, 'PROMOTIONAL'), (2, 'RECURRING'), (3, 'PAID')) AS g (no, kind);
  INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account, grant_no, amount, to_balance_after)
  SELECT p_customer, g, 1, v_now, 'GRANT', 100, 100, 'ISSUED', 'AVAILABLE', g, 1e9, g * 1e9 FROM generate_series(1, 3) AS g;
  INSERT INTO core.idempotency (customer_id, seq, recorded_at, key_month, allowed, key, fingerprint, answer)
  SELECT p_customer, g, v_now, '1970-01-01', true, core.key_bytes('grant-' || g), '', '{}' FROM generate_series(1, 3) AS g;
  INSERT INTO core.budget (customer_id, budget_no, budget_id, entity_no, measure, credit_type, budget_window, amount_limit, window_rank, counts_from_seq, created_at)
  SELECT p_customer, 200 + n, 'budget-' || n, n, 'CREDITS', 'general', 'MONTH', 1e9, 5, 3, v_now FROM generate_series(0, v_below * p_axes) AS n;
  INSERT INTO core.gate (customer_id, seq, last_at, last_no, entity_count) VALUES (p_customer, 3, v_now, 300, v_below * p_axes);
  RETURN (SELECT c.allowed FROM api.consume(p_customer, ('[' || bench.item_of(p_customer, bench.agents(p_axes)) || ']')::jsonb) AS c);
END
$$;

-- The agents of so many axes, as a request names them.
CREATE FUNCTION bench.agents(p_axes integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg('"agent-' || axis || '"', ',') FROM generate_series(1, p_axes) AS axis
$$;

-- A request like bench.item, for these entities.
CREATE FUNCTION bench.item_of(p_customer text, p_entities text) RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT replace(bench.item(p_customer, 1), '"agent-1"', p_entities)
$$;
