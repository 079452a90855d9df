-- What is wrong with a transfer that its shape does not show. Credits that are scheduled, expired or held are not there to move.
CREATE OR REPLACE FUNCTION core.transfer_faults(p_input jsonb, p_from core.wallet, p_to core.wallet, p_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := core.named_wallet_faults(p_input -> 'from', 'from.', p_from, false) || core.named_wallet_faults(p_input -> 'to', 'to.', p_to, true);
  v_amount CONSTANT numeric := p_input ->> 'amount';
  v_available numeric;
BEGIN
  IF p_from.credit_type <> p_to.credit_type THEN
    v_faults := v_faults || core.fault('to', 'CREDIT_TYPE_MISMATCH', format('holds %s, and the other wallet %s', p_to.credit_type, p_from.credit_type));
  ELSIF p_from.wallet_no = p_to.wallet_no THEN
    v_faults := v_faults || core.fault('to', 'SAME_WALLET', 'must be another wallet');
  END IF;
  IF v_amount = 0 THEN
    RETURN v_faults || core.fault('amount', 'NOT_POSITIVE', 'must be greater than zero');
  END IF;
  v_faults := v_faults || core.unit_faults(p_input ->> 'amount', p_from.credit_type, 'amount');
  IF v_faults <> '[]' THEN
    RETURN v_faults;
  END IF;
  SELECT coalesce(sum(remaining), 0) INTO v_available FROM core.transferable_grants(p_from, p_at);
  IF v_amount > v_available THEN
    RETURN core.fault('amount', 'INSUFFICIENT_CREDITS', format('%s has %s available, and %s were asked', p_from.wallet_id, trim_scale(v_available), trim_scale(v_amount)));
  ELSIF coalesce(p_to.available + p_to.scheduled + p_to.held, 0) + v_amount >= 1e29 THEN
    RETURN core.fault('amount', 'TOO_LARGE', 'takes the wallet out of range');
  END IF;
  RETURN '[]';
END
$$;
