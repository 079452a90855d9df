-- api.extend for steps of many customers, each naming its own. A customer whose gate another call holds
-- comes back `deferred`: nothing was done, send those steps again alone, through api.extend.
CREATE OR REPLACE FUNCTION api.extend_many(p_items jsonb, p_observe boolean DEFAULT false)
RETURNS TABLE (item integer, customer_id text, idempotency_key text, allowed boolean, reason text, would_allow boolean,
               replayed boolean, deferred boolean, seq bigint, recorded_at timestamptz, answer json)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY SELECT * FROM core.step_batch('extend', NULL, p_items, p_observe);
END
$$;
