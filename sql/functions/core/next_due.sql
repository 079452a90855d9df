-- When time alone next changes something of a customer: a grant, a raise, and, where p_holds, a reservation; infinity when nothing will.
CREATE OR REPLACE FUNCTION core.next_due(p_customer_id text, p_holds boolean) RETURNS timestamptz
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN least(
    (SELECT min(CASE WHEN is_scheduled THEN effective_at ELSE expires_at END) FROM core.credit_grant
     WHERE customer_id = p_customer_id AND is_open AND remaining > 0),
    (SELECT min(until) FROM core.budget_raise WHERE customer_id = p_customer_id AND NOT has_ended),
    CASE WHEN p_holds THEN (SELECT min(expires_at) FROM core.reservation WHERE customer_id = p_customer_id AND state = 'HELD') END,
    'infinity');
END
$$;
