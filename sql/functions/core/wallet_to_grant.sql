-- The wallet that a grant names: by its id, or by whose it is and its credit type. One that is to be made has no
-- wallet_no yet; one that is not found has no entity_no either.
CREATE OR REPLACE FUNCTION core.wallet_to_grant(p_customer_id text, p_input jsonb) RETURNS core.wallet
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_wallet core.wallet;
  v_found core.wallet;
BEGIN
  IF p_input ->> 'walletId' IS NOT NULL THEN
    SELECT * INTO v_wallet FROM core.wallet WHERE customer_id = p_customer_id AND wallet_id = p_input ->> 'walletId';
    RETURN v_wallet;
  END IF;
  v_wallet.customer_id := p_customer_id;
  v_wallet.credit_type := p_input ->> 'creditType';
  v_wallet.wallet_id := coalesce(p_input ->> 'entityId', 'customer') || ':' || v_wallet.credit_type;
  v_wallet.entity_no := CASE WHEN p_input ->> 'entityId' IS NULL THEN 0 ELSE (
    SELECT entity_no FROM core.entity WHERE customer_id = p_customer_id AND entity_id = p_input ->> 'entityId') END;
  SELECT * INTO v_found FROM core.wallet
  WHERE customer_id = p_customer_id AND entity_no = v_wallet.entity_no AND credit_type = v_wallet.credit_type;
  IF FOUND THEN
    RETURN v_found;
  END IF;
  RETURN v_wallet;
END
$$;
