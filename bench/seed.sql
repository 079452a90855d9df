-- The world of the yardstick rows: 2 000 customers, each with two quantities and one dimension to price, three
-- grants, and a path of five (customer, department, team, user, agent) with one budget on each. The hot one,
-- customer-9, has eight agents, so that twelve counters move.
--
--   psql -f bench/seed.sql        as the owner of a migrated, empty database; drops nothing
CREATE SCHEMA bench;

UPDATE core.installation SET catalog_version = catalog_version + 1;
INSERT INTO core.credit_type (credit_type, name) VALUES ('general', 'General');
INSERT INTO core.feature (feature_id, catalog_version, name, feature_type, quantities, dimensions, credit_types)
VALUES ('chat', 1, 'Chat', 'METERED', '{input,output}', '{model}', '{general}');
INSERT INTO core.rate (feature_id, credit_type, quantity, dimensions, specificity, effective_from, catalog_version, amount, per_units)
VALUES ('chat', 'general', 'input', '{}', 0, '-infinity', 1, 500, 1000000), ('chat', 'general', 'output', '{}', 0, '-infinity', 1, 1500, 1000000),
       ('chat', 'general', 'input', '{"model": "large"}', 1, '-infinity', 1, 600, 1000000),
       ('chat', 'general', 'output', '{"model": "large"}', 1, '-infinity', 1, 1700, 1000000);

INSERT INTO core.customer (customer_id, created_at) SELECT 'customer-' || n, now() FROM generate_series(1, 2000) AS n;
INSERT INTO core.entity (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types, created_at)
SELECT 'customer-' || n, e.no, e.id, e.type, e.path[2], e.path, e.types, now()
FROM generate_series(1, 2000) AS n,
  LATERAL (SELECT 0 AS no, NULL AS id, 'customer' AS type, '{0}'::integer[] AS path, '{customer}'::text[] AS types
           UNION ALL SELECT 1, 'department-1', 'department', '{1,0}', '{department,customer}'
           UNION ALL SELECT 2, 'team-1', 'team', '{2,1,0}', '{team,department,customer}'
           UNION ALL SELECT 3, 'user-1', 'user', '{3,2,1,0}', '{user,team,department,customer}'
           UNION ALL SELECT 3 + a, 'agent-' || a, 'agent', ARRAY[3 + a, 3, 2, 1, 0], '{agent,user,team,department,customer}'
                     FROM generate_series(1, CASE WHEN n = 9 THEN 8 ELSE 1 END) AS a) AS e;
INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, available, created_at)
SELECT 'customer-' || n, 20, 'customer:general', 0, 'general', 3e9, now() FROM generate_series(1, 2000) AS n;
INSERT INTO core.credit_grant (customer_id, grant_no, wallet_no, grant_kind, effective_at, amount, remaining, created_at)
SELECT 'customer-' || n, g.no, 20, g.kind, now() - interval '1 day', 1e9, 1e9, now()
FROM generate_series(1, 2000) AS n, (VALUES (1, 'PROMOTIONAL'), (2, 'RECURRING'), (3, 'PAID')) AS g (no, kind);
WITH granted AS (
  INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account, grant_no, amount, to_balance_after)
  SELECT 'customer-' || n, g, 1, now(), 'GRANT', 20, 20, 'ISSUED', 'AVAILABLE', g, 1e9, g * 1e9
  FROM generate_series(1, 2000) AS n, generate_series(1, 3) AS g
  RETURNING customer_id, seq, recorded_at
)
INSERT INTO core.idempotency (customer_id, seq, recorded_at, key_month, allowed, key, fingerprint, answer)
SELECT customer_id, seq, recorded_at, '1970-01-01', true, core.key_bytes('grant-' || seq), '', '{}' FROM granted;
INSERT INTO core.budget (customer_id, budget_no, budget_id, entity_no, measure, credit_type, budget_window, amount_limit, window_rank, counts_from_seq, created_at)
SELECT e.customer_id, 30 + e.entity_no, 'budget-' || e.entity_no, e.entity_no, 'CREDITS', 'general', 'MONTH', 1e9, 5, 3, now() FROM core.entity AS e;
INSERT INTO core.gate (customer_id, seq, last_at, last_no, entity_count)
SELECT e.customer_id, 3, now(), 50, count(*) - 1 FROM core.entity AS e GROUP BY e.customer_id;

-- One request, as text: what a caller sends. `p_agent` is the agent's number; the key is time-ordered unless another is
-- given. Put together from few pieces and inlined where it is called, since the yardsticks pay for their keys alone.
CREATE FUNCTION bench.item(p_customer text, p_agent bigint, p_key uuid DEFAULT uuidv7(), p_input bigint DEFAULT 1200) RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT concat('{"idempotencyKey":"', p_key, '","customerId":"', p_customer, '","entityIds":["agent-', p_agent,
    '"],"featureId":"chat","quantities":[{"name":"input","amount":"', p_input, '"},{"name":"output","amount":"300"}],"sessionId":"session-12345","dimensions":[{"key":"model","value":"large"}]}')
$$;

-- A list of requests of one customer, from each of its agents in turn; the hot one has eight.
CREATE FUNCTION bench.batch(p_customer text, p_items bigint) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  SELECT ('[' || string_agg(bench.item(p_customer, 1 + n % 8), ',') || ']')::jsonb FROM generate_series(1, p_items) AS n
$$;
ANALYZE;
