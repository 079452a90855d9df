-- Decides a list of requests of one customer in order, charges those that are allowed, and records every
-- answer under its key. One row per request, in the order given; KERNEL §1 is the shape of a request.
--
--   p_observe  decide and record, but enforce nothing: answered as allowed, charged as RECORD
--
-- `answer` holds amounts as strings: credits, slices [wallet, grant, amount], wallets [wallet, type, available,
-- held, leased, owed], shortfall, quantities (if other than asked), warnings, binding, and for a conflict field. Where
-- a wallet's shortfall, receivable or overdraft limit is not zero, these three follow what it owes.
-- Raises UC100 for a malformed request (nothing is written), UC110, UC120.
CREATE OR REPLACE FUNCTION api.consume(p_customer_id text, p_items jsonb, p_observe boolean DEFAULT false)
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
  RETURN QUERY SELECT * FROM core.consume_batch('consume', p_customer_id, p_items, p_observe);
END
$$;
