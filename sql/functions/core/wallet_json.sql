-- A wallet as readers see it. Amounts are text in plain notation.
--
--   p_scheduled, p_available, p_held, p_owed  as they stand now: the stored ones plus core.wallet_dues
CREATE OR REPLACE FUNCTION core.wallet_json(
  p_wallet core.wallet, p_scheduled numeric, p_available numeric, p_held numeric, p_owed numeric, p_entity_id text,
  p_decimals integer, p_display_decimals integer
) RETURNS jsonb
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN jsonb_build_object(
    'walletId', p_wallet.wallet_id, 'customerId', p_wallet.customer_id, 'entityId', p_entity_id,
    'creditType', p_wallet.credit_type, 'scheduled', trim_scale(p_scheduled)::text,
    'available', trim_scale(p_available)::text, 'held', trim_scale(p_held)::text,
    'leased', trim_scale(p_wallet.leased)::text,
    'settled', trim_scale(p_available + p_held + p_wallet.leased)::text,
    'owed', trim_scale(p_owed)::text, 'shortfall', trim_scale(p_wallet.shortfall)::text,
    'receivable', trim_scale(p_wallet.receivable)::text,
    'overdraftLimit', trim_scale(p_wallet.overdraft_limit)::text, 'decimals', p_decimals,
    'displayDecimals', p_display_decimals, 'createdAt', p_wallet.created_at);
END
$$;
