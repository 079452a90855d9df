-- What stood on every account of a customer's wallets at a place or time of its history, by the ledger as it is now.
--
--   p_at  one of
--     seq          after that operation
--     recordedAt   after all that was recorded at that instant or before it: the ledger as it stood then
--     effectiveAt  after all that had taken effect at that instant or before it: what a reader was told then, booked or not. A grant that began or expired, or a hold that
--                  ran out, takes effect when it was due, however much later it was booked; everything else when it was recorded
--
-- An overdraft limit is the one that was last said by then.
--
-- Returns {customerId, incarnation, seq, isFinal, wallets}. `seq` is the one asked for, or that of the last entry that was recorded by
-- then. `isFinal` is false as long as something was due by then that nobody has booked yet. Wallets made later show zeros;
-- of more than a thousand the oldest thousand are shown. Reads at most the entries of one month, where months are opened.
-- Raises UC101 for no or several of the three, for an unknown customer, and for what has not happened yet.
CREATE OR REPLACE FUNCTION api.balances_at(p_customer_id text, p_at jsonb) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_most CONSTANT integer := 1000;
  v_place record;
BEGIN
  SELECT * INTO v_place FROM core.place_in_history(p_customer_id, p_at);
  RETURN (
    SELECT jsonb_build_object(
      'customerId', p_customer_id, 'incarnation', (SELECT incarnation FROM core.installation), 'seq', v_place.seq::text,
      'isFinal', v_place.is_final,
      'wallets', coalesce(jsonb_agg(jsonb_build_object(
        'walletId', t.wallet_id, 'entityId', t.entity_id, 'creditType', t.credit_type, 'scheduled', trim_scale(t.scheduled)::text,
        'available', trim_scale(t.available)::text, 'held', trim_scale(t.held)::text, 'leased', trim_scale(t.leased)::text,
        'settled', trim_scale(t.available + t.held + t.leased)::text, 'owed', trim_scale(t.owed)::text,
        'shortfall', trim_scale(t.shortfall)::text, 'receivable', trim_scale(t.receivable)::text,
        'overdraftLimit', trim_scale(t.overdraft_limit)::text, 'decimals', c.decimals, 'displayDecimals', c.display_decimals) ORDER BY t.wallet_no), '[]'))
    FROM core.wallets_at(p_customer_id, v_place.seq, coalesce(p_at ->> 'recordedAt', p_at ->> 'effectiveAt')::timestamptz, (p_at ->> 'effectiveAt')::timestamptz, c_most) AS t
    JOIN core.credit_type AS c ON c.credit_type = t.credit_type);
END
$$;
