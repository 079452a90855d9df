-- Extends reservations of one customer in order: each holds for so many seconds from now, if that is longer than it does. A step is
-- {reservationId!, ttlSeconds!}, from 1 to 86400.
--
-- Denied, recording nothing, are RESERVATION_NOT_FOUND, RESERVATION_ENDED, CUSTOMER_SUSPENDED and ENTITY_SUSPENDED; the last two only say that it would be
-- where nothing is enforced: with p_observe, under a customer's OBSERVE, for what was reserved so. `answer` is that of api.settle.
-- Raises UC100 for a malformed step (nothing is written), UC110, UC120.
CREATE OR REPLACE FUNCTION api.extend(p_customer_id text, p_items jsonb, p_observe boolean DEFAULT false)
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
  RETURN QUERY SELECT * FROM core.step_batch('extend', p_customer_id, p_items, p_observe);
END
$$;
