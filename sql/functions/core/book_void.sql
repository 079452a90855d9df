-- Writes that a grant is void, or charged back: what is spent of it becomes a receivable, and what is left of it is taken back; its entries,
-- the balances, the change that tells of it.
--
--   p_parts  the grants made of it that were charged back just before it
--
-- Returns its seq.
CREATE OR REPLACE FUNCTION core.book_void(p_gate core.gate, p_grant core.credit_grant, p_parts text[], p_charges_back boolean, p_reason text, p_actor text) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_spent CONSTANT numeric := CASE WHEN p_charges_back THEN coalesce((SELECT spent FROM core.grants_spent(ARRAY[p_gate.customer_id], p_grant.grant_no)), 0) ELSE 0 END;
  v_wallet core.wallet;
BEGIN
  UPDATE core.credit_grant
  SET remaining = 0, is_scheduled = false, is_open = held > 0, voided_at = coalesce(voided_at, p_gate.last_at),
      charged_back_at = CASE WHEN p_charges_back THEN p_gate.last_at END, void_reason = concat_ws('; ', void_reason, p_reason)
  WHERE customer_id = p_gate.customer_id AND grant_no = p_grant.grant_no;
  UPDATE core.wallet
  SET scheduled = scheduled - CASE WHEN p_grant.is_scheduled THEN p_grant.remaining ELSE 0 END,
      available = available - CASE WHEN p_grant.is_scheduled THEN 0 ELSE p_grant.remaining END,
      receivable = receivable + v_spent
  WHERE customer_id = p_gate.customer_id AND wallet_no = p_grant.wallet_no
  RETURNING * INTO v_wallet;
  -- First what went first, as its money goes on.
  INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account,
                                 grant_no, amount, from_balance_after)
  SELECT p_gate.customer_id, p_gate.seq + 1, row_number() OVER (ORDER BY e.n), p_gate.last_at, e.kind::core.entry_kind, p_grant.wallet_no, p_grant.wallet_no,
         e.from_account::core.account, 'VOIDED', p_grant.grant_no, e.amount, e.balance
  FROM (VALUES (1, 'CHARGEBACK', 'RECEIVABLE', v_spent, v_wallet.receivable),
               (2, 'GRANT_VOIDED', CASE WHEN p_grant.is_scheduled THEN 'SCHEDULED' ELSE 'AVAILABLE' END, p_grant.remaining,
                CASE WHEN p_grant.is_scheduled THEN v_wallet.scheduled ELSE v_wallet.available END)) AS e (n, kind, from_account, amount, balance)
  WHERE e.amount > 0;
  -- The reason may name somebody: it stands with the grant, where it can be erased.
  RETURN core.end_change(p_gate, CASE WHEN p_grant.voided_at IS NULL THEN 'GRANT_VOIDED' ELSE 'GRANT_CHARGED_BACK' END, p_grant.grant_no::text, NULL,
    jsonb_build_object('voided', trim_scale(p_grant.remaining)::text, 'held', trim_scale(p_grant.held)::text)
      || CASE WHEN p_charges_back THEN jsonb_build_object('receivable', trim_scale(v_spent)::text) ELSE '{}' END
      || CASE WHEN p_parts <> '{}' THEN jsonb_build_object('parts', p_parts) ELSE '{}' END, p_actor);
END
$$;
