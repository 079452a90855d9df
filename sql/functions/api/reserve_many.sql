-- api.reserve for requests of many customers, each naming its own. A customer whose gate another call holds
-- comes back `deferred`: nothing was decided, send those requests again alone, through api.reserve.
CREATE OR REPLACE FUNCTION api.reserve_many(p_items jsonb, p_observe boolean DEFAULT false)
RETURNS TABLE (item integer, customer_id text, idempotency_key text, allowed boolean, reason text, would_allow boolean,
               replayed boolean, deferred boolean, seq bigint, recorded_at timestamptz, answer json)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY SELECT * FROM core.consume_batch('reserve', NULL, p_items, p_observe);
END
$$;
