-- What is wrong with a grant that its shape does not show.
CREATE OR REPLACE FUNCTION core.grant_faults(p_input jsonb, p_wallet core.wallet, p_grant core.credit_grant, p_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := core.named_wallet_faults(p_input, '', p_wallet, true);
BEGIN
  IF p_grant.amount = 0 THEN
    v_faults := v_faults || core.fault('amount', 'NOT_POSITIVE', 'must be greater than zero');
  ELSIF coalesce(p_wallet.available + p_wallet.scheduled + p_wallet.held, 0) + p_grant.amount >= 1e29 THEN -- what is held may return
    v_faults := v_faults || core.fault('amount', 'TOO_LARGE', 'takes the wallet out of range');
  END IF;
  IF p_grant.priority > 100 THEN
    v_faults := v_faults || core.fault('priority', 'TOO_LARGE', 'must be 0 to 100');
  END IF;
  IF p_grant.expires_at <= greatest(p_grant.effective_at, p_at) THEN
    v_faults := v_faults || core.fault('expiresAt', 'TOO_EARLY', 'must be after now and after effectiveAt');
  END IF;
  IF p_grant.currency !~ '^[A-Z]{3}$' THEN
    v_faults := v_faults || core.fault('currency', 'NOT_A_CURRENCY', 'must be three capital letters, as of ISO 4217');
  END IF;
  IF p_grant.cost_basis IS NOT NULL AND p_grant.currency IS NULL THEN
    v_faults := v_faults || core.fault('currency', 'REQUIRED', 'is needed where costBasis is given');
  ELSIF p_grant.currency IS NOT NULL AND p_grant.cost_basis IS NULL THEN
    v_faults := v_faults || core.fault('costBasis', 'REQUIRED', 'is needed where currency is given');
  END IF;
  RETURN v_faults || core.unit_faults(p_input ->> 'amount', p_wallet.credit_type, 'amount') || coalesce((
    SELECT jsonb_agg(core.fault(format('features[%s]', f.n - 1), 'NOT_FOUND', format('there is no feature %s', f.id)) -> 0 ORDER BY f.n)
    FROM unnest(p_grant.features) WITH ORDINALITY AS f (id, n)
    WHERE NOT EXISTS (SELECT FROM core.feature WHERE feature_id = f.id)), '[]');
END
$$;
