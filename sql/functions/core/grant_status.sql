-- Where a grant stands at an instant: VOIDED, EXPIRED, PENDING_PAYMENT, EXHAUSTED, SCHEDULED or ACTIVE, the first of these that
-- is so. What reservations hold of it is not exhausted.
--
--   p_remaining, p_held  what is left and held of it at that instant, booked or not (core.grant_dues)
CREATE OR REPLACE FUNCTION core.grant_status(p_grant core.credit_grant, p_remaining numeric, p_held numeric, p_at timestamptz) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN CASE
    WHEN p_grant.voided_at IS NOT NULL THEN 'VOIDED'
    WHEN p_grant.expires_at <= p_at THEN 'EXPIRED'
    WHEN p_grant.is_pending THEN 'PENDING_PAYMENT'
    WHEN p_remaining = 0 AND p_held = 0 THEN 'EXHAUSTED'
    WHEN p_grant.effective_at > p_at THEN 'SCHEDULED'
    ELSE 'ACTIVE' END;
END
$$;
