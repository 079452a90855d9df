-- What is wrong with new terms of a grant that has not ended.
CREATE OR REPLACE FUNCTION core.grant_update_faults(p_was core.credit_grant, p_new core.credit_grant, p_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := '[]';
  v_wallet core.wallet;
BEGIN
  IF p_new.priority > 100 THEN
    v_faults := v_faults || core.fault('priority', 'TOO_LARGE', 'must be 0 to 100');
  END IF;
  IF p_new.effective_at <> p_was.effective_at THEN
    IF p_was.effective_at <= p_at AND NOT p_was.is_pending THEN
      v_faults := v_faults || core.fault('effectiveAt', 'HAS_BEGUN', format('grant %s has begun', p_was.grant_no));
    ELSIF p_new.effective_at < p_at THEN
      v_faults := v_faults || core.fault('effectiveAt', 'IN_THE_PAST', 'must not be before now; null is now');
    END IF;
  END IF;
  IF p_new.expires_at <= p_at THEN
    v_faults := v_faults || core.fault('expiresAt', 'IN_THE_PAST', 'must be after now: void the grant to end it now');
  ELSIF p_new.expires_at <= p_new.effective_at THEN
    v_faults := v_faults || core.fault('expiresAt', 'TOO_EARLY', 'must be after effectiveAt');
  END IF;
  IF p_was.is_pending AND NOT p_new.is_pending THEN
    SELECT * INTO v_wallet FROM core.wallet WHERE customer_id = p_was.customer_id AND wallet_no = p_was.wallet_no;
    IF v_wallet.available + v_wallet.scheduled + v_wallet.held + p_was.amount >= 1e29 THEN
      v_faults := v_faults || core.fault('paymentReceived', 'TOO_LARGE', 'the amount takes the wallet out of range');
    END IF;
  END IF;
  RETURN v_faults;
END
$$;
