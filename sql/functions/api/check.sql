-- What api.consume would answer now, decided by the same function; nothing is locked, charged or recorded.
CREATE OR REPLACE FUNCTION api.check(p_customer_id text, p_items jsonb, p_observe boolean DEFAULT false)
RETURNS TABLE (item integer, customer_id text, idempotency_key text, allowed boolean, reason text, would_allow boolean,
               replayed boolean, deferred boolean, seq bigint, recorded_at timestamptz, answer json)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF p_customer_id IS NULL THEN
    PERFORM core.refuse(0, 'customerId', 'REQUIRED', 'is needed');
  END IF;
  RETURN QUERY SELECT * FROM core.check_batch(p_customer_id, p_items, p_observe);
END
$$;
