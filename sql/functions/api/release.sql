-- Releases reservations of one customer in order: what is still held returns; what was settled stays so. A step is {reservationId!}.
--
-- Again is harmless, and answered `replayed`. Denied, recording nothing, are RESERVATION_NOT_FOUND and RESERVATION_ENDED. `answer` is that of api.settle.
-- Raises UC100 for a malformed step (nothing is written), UC110, UC120.
CREATE OR REPLACE FUNCTION api.release(p_customer_id text, p_items jsonb)
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
  RETURN QUERY SELECT * FROM core.step_batch('release', p_customer_id, p_items, false);
END
$$;
