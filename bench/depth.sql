-- A customer whose one agent, agent-1, stands so deep in its tree: p_depth entities on the path, the customer included,
-- with one budget on each; otherwise like those of seed.sql. It has consumed once.
CREATE FUNCTION bench.make_deep(p_customer text, p_depth integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := now();
BEGIN
  INSERT INTO core.customer (customer_id, created_at) VALUES (p_customer, v_now);
  INSERT INTO core.entity (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types, created_at)
  SELECT p_customer, n, CASE WHEN n = p_depth - 1 THEN 'agent-1' WHEN n > 0 THEN 'entity-' || n END, CASE WHEN n = 0 THEN 'customer' ELSE 'level-' || n END,
         nullif(n, 0) - 1, ARRAY(SELECT a FROM generate_series(n, 0, -1) AS a),
         ARRAY(SELECT CASE WHEN a = 0 THEN 'customer' ELSE 'level-' || a END FROM generate_series(n, 0, -1) AS a), v_now
  FROM generate_series(0, p_depth - 1) AS n;
  INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, available, created_at)
  VALUES (p_customer, 20, 'customer:general', 0, 'general', 3e9, v_now);
  INSERT INTO core.credit_grant (customer_id, grant_no, wallet_no, grant_kind, effective_at, amount, remaining, created_at)
  SELECT p_customer, g.no, 20, g.kind, v_now - interval '1 day', 1e9, 1e9, v_now
  FROM (VALUES (1, 'PROMOTIONAL'), (2, 'RECURRING'), (3, 'PAID')) AS g (no, kind);
  INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account, grant_no, amount, to_balance_after)
  SELECT p_customer, g, 1, v_now, 'GRANT', 20, 20, 'ISSUED', 'AVAILABLE', g, 1e9, g * 1e9 FROM generate_series(1, 3) AS g;
  INSERT INTO core.idempotency (customer_id, seq, recorded_at, key_month, allowed, key, fingerprint, answer)
  SELECT p_customer, g, v_now, '1970-01-01', true, core.key_bytes('grant-' || g), '', '{}' FROM generate_series(1, 3) AS g;
  INSERT INTO core.budget (customer_id, budget_no, budget_id, entity_no, measure, credit_type, budget_window, amount_limit, window_rank, counts_from_seq, created_at)
  SELECT p_customer, 30 + n, 'budget-' || n, n, 'CREDITS', 'general', 'MONTH', 1e9, 5, 3, v_now FROM generate_series(0, p_depth - 1) AS n;
  INSERT INTO core.gate (customer_id, seq, last_at, last_no, entity_count) VALUES (p_customer, 3, v_now, 50, p_depth - 1);
  RETURN (SELECT c.allowed FROM api.consume(p_customer, ('[' || bench.item(p_customer, 1) || ']')::jsonb) AS c);
END
$$;
