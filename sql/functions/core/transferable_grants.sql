-- The grants of a wallet that have something to move at an instant, in burn order. Features that alone may burn one do not
-- matter: they go with it.
CREATE OR REPLACE FUNCTION core.transferable_grants(p_wallet core.wallet, p_at timestamptz) RETURNS SETOF core.credit_grant
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  SELECT * FROM core.credit_grant AS g
  WHERE g.customer_id = p_wallet.customer_id AND g.wallet_no = p_wallet.wallet_no AND g.is_open AND NOT g.is_scheduled
    AND g.remaining > 0 AND g.expires_at > p_at
  ORDER BY g.priority, g.expires_at, g.grant_kind <> 'PROMOTIONAL', g.effective_at, g.grant_no;
END
$$;
