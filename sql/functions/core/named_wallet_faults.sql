-- What is wrong with how an input names a wallet: by its id, or by its credit type and whose it is.
--
--   p_path    put before the names of its fields: '' or 'from.'
--   p_wallet  what core.wallet_to_grant found
--   p_makes   whether one that is not there is made, and credits come to it; else it is missed
CREATE OR REPLACE FUNCTION core.named_wallet_faults(p_named jsonb, p_path text, p_wallet core.wallet, p_makes boolean) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_faults jsonb := '[]';
BEGIN
  IF (p_named ->> 'walletId' IS NULL) = (p_named ->> 'creditType' IS NULL) OR (p_named ->> 'walletId' IS NOT NULL AND p_named ->> 'entityId' IS NOT NULL) THEN
    RETURN core.fault(p_path || 'walletId', 'ONE_OF', 'or creditType with entityId is needed, and not both');
  ELSIF p_makes AND EXISTS (
    SELECT FROM core.entity WHERE customer_id = p_wallet.customer_id AND entity_no = p_wallet.entity_no AND archived_at IS NOT NULL)
  THEN
    -- What comes to it could not be spent. What it has can still be taken from it.
    RETURN core.fault(p_path || CASE WHEN p_named ? 'walletId' THEN 'walletId' ELSE 'entityId' END, 'ARCHIVED', 'is of an entity that is archived');
  ELSIF p_wallet.wallet_no IS NOT NULL THEN
    RETURN v_faults;
  ELSIF p_named ->> 'walletId' IS NOT NULL THEN
    RETURN core.fault(p_path || 'walletId', 'NOT_FOUND', 'there is no such wallet' || CASE WHEN p_makes THEN ': named by creditType, with entityId, it is made' ELSE '' END);
  END IF;
  IF p_wallet.entity_no IS NULL THEN
    v_faults := v_faults || core.fault(p_path || 'entityId', 'NOT_FOUND', 'there is no such entity');
  END IF;
  IF NOT EXISTS (SELECT FROM core.credit_type WHERE credit_type = p_wallet.credit_type) THEN
    v_faults := v_faults || core.fault(p_path || 'creditType', 'NOT_FOUND', format('there is no credit type %s', p_wallet.credit_type));
  ELSIF NOT p_makes AND p_wallet.entity_no IS NOT NULL THEN
    v_faults := v_faults || core.fault(p_path || 'creditType', 'NOT_FOUND', 'there is no such wallet');
  ELSIF EXISTS (SELECT FROM core.wallet WHERE customer_id = p_wallet.customer_id AND wallet_id = p_wallet.wallet_id) THEN
    v_faults := v_faults
      || core.fault(p_path || 'creditType', 'DUPLICATE', format('the wallet to make would be %s, which another one is called: give it another id with upsertCustomer or upsertEntity', p_wallet.wallet_id));
  END IF;
  RETURN v_faults;
END
$$;
