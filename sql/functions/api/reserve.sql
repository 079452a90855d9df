-- Decides a list of requests of one customer in order as api.consume does, and *holds* for each that is allowed what
-- consume would charge: credits and every budget on its path, until it is settled, released or expires.
--
-- A request may carry ttlSeconds, how long it holds: 1 to 86400, 3600 where it does not say. RECORD and occurredAt are
-- malformed here, since nothing has happened yet.
--
--   p_observe  decide and record, but enforce nothing: holds what fits, and every budget whole
--
-- `answer` is that of api.consume, with reservationId and expiresAt where allowed.
-- Raises UC100 for a malformed request (nothing is written), UC110, UC120.
CREATE OR REPLACE FUNCTION api.reserve(p_customer_id text, p_items jsonb, p_observe boolean DEFAULT false)
RETURNS TABLE (item integer, customer_id text, idempotency_key text, allowed boolean, reason text, would_allow boolean,
               replayed boolean, deferred boolean, seq bigint, recorded_at timestamptz, answer json)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF p_customer_id IS NULL THEN
    PERFORM core.refuse(0, 'customerId', 'REQUIRED', 'is needed');
  END IF;
  RETURN QUERY SELECT * FROM core.consume_batch('reserve', p_customer_id, p_items, p_observe);
END
$$;
