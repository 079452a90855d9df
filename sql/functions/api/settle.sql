-- Settles reservations of one customer in order: says what has been used so far, in all, and whether that is the end of it.
--
-- A step is {reservationId!, quantities: [{name!, amount!}] or quantity, final}: cumulative, so that a repeated or late report is
-- harmless. Up to what is held it cannot fail; what goes beyond is paid as what is recorded is, at the reservation's rates, and what nobody can pay is a
-- shortfall, shown as such: then would_allow is false. final, true where it does not say, gives back what is still held. A late report of what has expired is charged all the same.
--
--   p_observe  what goes beyond a hold may be drawn from an overdraft, as for a customer under OBSERVE
--
-- `answer` holds reservationId, state, expiresAt; quantities, credits and shortfall of all that was settled so far; the slices of this step; and the wallets as
-- they are. Once anything fell short, `would_allow` is false and the reason INSUFFICIENT_CREDITS, also when it is told again.
-- Denied, recording nothing, are RESERVATION_NOT_FOUND, RESERVATION_ENDED, FEATURE_TYPE_MISMATCH, NO_RATE and REQUEST_LIMIT_EXCEEDED (more
-- than can be written down). Raises UC100 for a malformed step (nothing is written), UC110, UC120.
CREATE OR REPLACE FUNCTION api.settle(p_customer_id text, p_items jsonb, p_observe boolean DEFAULT false)
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
  RETURN QUERY SELECT * FROM core.step_batch('settle', p_customer_id, p_items, p_observe);
END
$$;
