-- Writes a grant: its wallet if that is new, the grant, its ledger entries, the balances, the gate. One that waits for its
-- payment (is_pending) is a change and moves nothing. Returns the answer, which its
-- idempotency key keeps with the number of the wallet in place of the id.
CREATE OR REPLACE FUNCTION core.book_grant(p_gate core.gate, p_wallet core.wallet, p_grant core.credit_grant, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate := p_gate;
  v_wallet core.wallet := core.ensure_wallet(p_gate, p_wallet);
  v_grant core.credit_grant := p_grant;
  v_seq CONSTANT bigint := p_gate.seq + 1;
BEGIN
  v_gate.last_no := greatest(v_gate.last_no, v_wallet.wallet_no);
  v_grant.customer_id := p_gate.customer_id;
  v_grant.grant_no := v_seq;
  v_grant.wallet_no := v_wallet.wallet_no;
  v_grant.held := 0;
  v_grant.created_at := p_gate.last_at;
  IF v_grant.is_pending THEN
    v_grant.remaining := 0;
    v_grant.is_scheduled := false;
    v_grant.is_open := false;
    PERFORM core.end_change(v_gate, 'GRANT_PENDING', v_seq::text, NULL, core.grant_terms_json(v_grant)
      || jsonb_build_object('walletNo', v_grant.wallet_no, 'amount', trim_scale(v_grant.amount)::text), p_actor);
  ELSE
    v_grant := core.issue_grant(v_gate, v_grant, 'GRANT');
    v_gate.next_due_at := least(v_gate.next_due_at, core.grant_due_at(v_grant));
    PERFORM core.end_change(v_gate, NULL, NULL, NULL, NULL, NULL);
  END IF;
  INSERT INTO core.credit_grant SELECT v_grant.*;
  RETURN jsonb_build_object(
    'grantId', v_seq::text, 'walletId', v_wallet.wallet_id, 'creditType', v_wallet.credit_type, 'amount', trim_scale(v_grant.amount)::text,
    'repaid', CASE WHEN v_grant.is_pending THEN '0' ELSE trim_scale(v_grant.amount - v_grant.remaining)::text END,
    'seq', v_seq::text, 'recordedAt', p_gate.last_at);
END
$$;
