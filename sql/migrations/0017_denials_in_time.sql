-- Denials, and what would have been one: a page of them costs the same however much was allowed in between. Who is allowed without
-- a reason has no entry here. Where two were recorded at one instant, the rest of the primary key orders them.
-- (CONCURRENTLY is not for partitioned tables, and nothing is deployed that this would hold up.)
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX idempotency_denied ON core.idempotency (customer_id, recorded_at, key_month, key) WHERE reason <> '';
