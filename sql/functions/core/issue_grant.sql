-- Issues a grant at the gate's next seq, on the ledger: into its wallet's scheduled account if it is not effective yet, else
-- it can be burned at once, and pays what the wallet owes first.
--
--   p_kind  of the first entry: GRANT, or PAYMENT_RECEIVED for one that waited
--
-- Returns the grant as it then is; the caller stores it.
CREATE OR REPLACE FUNCTION core.issue_grant(p_gate core.gate, p_grant core.credit_grant, p_kind text) RETURNS core.credit_grant
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_grant core.credit_grant := p_grant;
  v_wallet core.wallet;
  v_account text;
  v_balance numeric;
  v_repaid numeric;
BEGIN
  SELECT * INTO v_wallet FROM core.wallet WHERE customer_id = p_gate.customer_id AND wallet_no = p_grant.wallet_no;
  v_grant.is_pending := false;
  v_grant.is_scheduled := p_grant.effective_at > p_gate.last_at;
  v_repaid := CASE WHEN v_grant.is_scheduled THEN 0 ELSE least(p_grant.amount, v_wallet.owed) END;
  v_grant.remaining := p_grant.amount - v_repaid;
  v_grant.is_open := v_grant.remaining > 0;
  v_account := CASE WHEN v_grant.is_scheduled THEN 'SCHEDULED' ELSE 'AVAILABLE' END;
  v_balance := CASE WHEN v_grant.is_scheduled THEN v_wallet.scheduled ELSE v_wallet.available END + p_grant.amount;
  INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account,
                                 grant_no, amount, from_balance_after, to_balance_after)
  SELECT p_gate.customer_id, p_gate.seq + 1, leg, p_gate.last_at, kind::core.entry_kind, p_grant.wallet_no, p_grant.wallet_no,
         from_account::core.account, to_account::core.account, p_grant.grant_no, amount, from_balance, to_balance
  FROM (VALUES (1, p_kind, 'ISSUED', v_account, p_grant.amount, NULL, v_balance),
               (2, 'OVERDRAFT_REPAID', 'AVAILABLE', 'OWED', v_repaid, v_balance - v_repaid, v_wallet.owed - v_repaid))
    AS entry (leg, kind, from_account, to_account, amount, from_balance, to_balance)
  WHERE amount > 0;
  UPDATE core.wallet
  SET scheduled = scheduled + CASE WHEN v_grant.is_scheduled THEN p_grant.amount ELSE 0 END,
      available = available + CASE WHEN v_grant.is_scheduled THEN 0 ELSE v_grant.remaining END,
      owed = owed - v_repaid
  WHERE customer_id = p_gate.customer_id AND wallet_no = p_grant.wallet_no;
  RETURN v_grant;
END
$$;
