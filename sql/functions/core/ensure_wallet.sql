-- The wallet that core.wallet_to_grant found, as it stands; one that is to be made is made, with the number after the last of its
-- customer. The caller keeps the last number in the gate.
CREATE OR REPLACE FUNCTION core.ensure_wallet(p_gate core.gate, p_wallet core.wallet) RETURNS core.wallet
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_wallet core.wallet;
BEGIN
  IF p_wallet.wallet_no IS NOT NULL THEN
    RETURN p_wallet;
  END IF;
  INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, created_at)
  VALUES (p_gate.customer_id, p_gate.last_no + 1, p_wallet.wallet_id, p_wallet.entity_no, p_wallet.credit_type, p_gate.last_at)
  RETURNING * INTO v_wallet;
  RETURN v_wallet;
END
$$;
