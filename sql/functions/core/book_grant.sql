-- Writes a grant: its wallet if that is new, the grant, one or two ledger entries, the balances, the gate. Returns the
-- answer, which its idempotency key keeps with the number of the wallet in place of the id.
CREATE OR REPLACE FUNCTION core.book_grant(p_gate core.gate, p_wallet core.wallet, p_grant core.credit_grant) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate := p_gate;
  v_grant core.credit_grant := p_grant;
  v_seq CONSTANT bigint := p_gate.seq + 1;
  v_account core.account;
  v_balance numeric;
  v_repaid numeric;
BEGIN
  v_grant.customer_id := p_gate.customer_id;
  v_grant.grant_no := v_seq;
  v_grant.is_scheduled := p_grant.effective_at > p_gate.last_at;
  v_repaid := CASE WHEN v_grant.is_scheduled THEN 0 ELSE least(p_grant.amount, coalesce(p_wallet.owed, 0)) END;
  v_grant.remaining := p_grant.amount - v_repaid;
  v_grant.held := 0;
  v_grant.is_open := v_grant.remaining > 0;
  v_grant.created_at := p_gate.last_at;
  v_account := CASE WHEN v_grant.is_scheduled THEN 'SCHEDULED' ELSE 'AVAILABLE' END;
  v_balance := coalesce(CASE WHEN v_grant.is_scheduled THEN p_wallet.scheduled ELSE p_wallet.available END, 0) + p_grant.amount;
  IF p_wallet.wallet_no IS NULL THEN
    v_gate.last_no := v_gate.last_no + 1;
    v_grant.wallet_no := v_gate.last_no;
    INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, created_at)
    VALUES (p_gate.customer_id, v_grant.wallet_no, p_wallet.wallet_id, p_wallet.entity_no, p_wallet.credit_type, p_gate.last_at);
  END IF;
  INSERT INTO core.credit_grant SELECT v_grant.*;
  INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account,
                                 grant_no, amount, from_balance_after, to_balance_after)
  SELECT p_gate.customer_id, v_seq, leg, p_gate.last_at, kind::core.entry_kind, v_grant.wallet_no, v_grant.wallet_no, from_account::core.account, to_account::core.account,
         v_seq, amount, from_balance, to_balance
  FROM (VALUES (1, 'GRANT', 'ISSUED', v_account::text, p_grant.amount, NULL, v_balance),
               (2, 'OVERDRAFT_REPAID', 'AVAILABLE', 'OWED', v_repaid, v_balance - v_repaid, p_wallet.owed - v_repaid))
    AS entry (leg, kind, from_account, to_account, amount, from_balance, to_balance)
  WHERE amount > 0;
  UPDATE core.wallet
  SET scheduled = scheduled + CASE WHEN v_grant.is_scheduled THEN p_grant.amount ELSE 0 END,
      available = available + CASE WHEN v_grant.is_scheduled THEN 0 ELSE v_grant.remaining END,
      owed = owed - v_repaid
  WHERE customer_id = p_gate.customer_id AND wallet_no = v_grant.wallet_no;
  IF v_grant.is_open THEN
    v_gate.next_due_at := least(v_gate.next_due_at, v_grant.expires_at, CASE WHEN v_grant.is_scheduled THEN v_grant.effective_at END);
  END IF;
  PERFORM core.end_change(v_gate, NULL, NULL, NULL, NULL, NULL);
  RETURN jsonb_build_object(
    'grantId', v_seq::text, 'walletId', p_wallet.wallet_id, 'creditType', p_wallet.credit_type, 'amount', trim_scale(p_grant.amount)::text,
    'repaid', trim_scale(v_repaid)::text, 'seq', v_seq::text, 'recordedAt', p_gate.last_at);
END
$$;
