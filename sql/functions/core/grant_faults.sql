-- What is wrong with a grant that its shape does not show.
CREATE OR REPLACE FUNCTION core.grant_faults(p_input jsonb, p_wallet core.wallet, p_grant core.credit_grant, p_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := '[]';
BEGIN
  IF (p_input ->> 'walletId' IS NULL) = (p_input ->> 'creditType' IS NULL) OR (p_input ->> 'walletId' IS NOT NULL AND p_input ->> 'entityId' IS NOT NULL) THEN
    v_faults := v_faults || core.fault('walletId', 'ONE_OF', 'or creditType with entityId is needed, and not both');
  ELSIF p_wallet.wallet_no IS NULL AND p_input ->> 'walletId' IS NOT NULL THEN
    v_faults := v_faults || core.fault('walletId', 'NOT_FOUND', 'there is no such wallet');
  ELSIF p_wallet.wallet_no IS NULL THEN
    IF p_wallet.entity_no IS NULL THEN
      v_faults := v_faults || core.fault('entityId', 'NOT_FOUND', 'there is no such entity');
    END IF;
    IF NOT EXISTS (SELECT FROM core.credit_type WHERE credit_type = p_wallet.credit_type) THEN
      v_faults := v_faults || core.fault('creditType', 'NOT_FOUND', format('there is no credit type %s', p_wallet.credit_type));
    ELSIF EXISTS (SELECT FROM core.wallet WHERE customer_id = p_wallet.customer_id AND wallet_id = p_wallet.wallet_id) THEN
      v_faults := v_faults || core.fault('creditType', 'DUPLICATE', format('the wallet to make would be %s, which another one is called', p_wallet.wallet_id));
    END IF;
  END IF;
  IF p_grant.amount = 0 THEN
    v_faults := v_faults || core.fault('amount', 'NOT_POSITIVE', 'must be greater than zero');
  ELSIF coalesce(p_wallet.available + p_wallet.scheduled, 0) + p_grant.amount >= 1e29 THEN
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
  RETURN v_faults || core.unit_faults(p_input ->> 'amount', p_wallet.credit_type, 'amount') || coalesce((
    SELECT jsonb_agg(core.fault(format('features[%s]', f.n - 1), 'NOT_FOUND', format('there is no feature %s', f.id)) -> 0 ORDER BY f.n)
    FROM unnest(p_grant.features) WITH ORDINALITY AS f (id, n)
    WHERE NOT EXISTS (SELECT FROM core.feature WHERE feature_id = f.id)), '[]');
END
$$;
