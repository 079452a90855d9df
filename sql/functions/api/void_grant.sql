-- Voids a grant: what is left of it and not held is taken back, on the ledger. What reservations hold of it stays held until they
-- settle or return it; what they return is then taken back too.
--
--   p_input  grantId!, reason!
--
-- Voiding again is answered as the first time, and changes nothing. Returns {grantId, walletId, creditType, voided, held, seq,
-- recordedAt, replayed}; of a grant that waited for its payment nothing was issued, so that nothing is taken back.
-- Raises UC101 for one that is not there, has expired or is exhausted.
CREATE OR REPLACE FUNCTION api.void_grant(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate;
  v_grant core.credit_grant;
  v_wallet core.wallet;
  v_change core.change;
BEGIN
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"grantId": "text!", "reason": "text!"}'));
  v_gate := core.begin_change(p_customer_id);
  v_grant := core.grant_to_change(p_customer_id, p_input ->> 'grantId');
  SELECT * INTO v_wallet FROM core.wallet WHERE customer_id = p_customer_id AND wallet_no = v_grant.wallet_no;
  IF v_grant.voided_at IS NULL THEN
    PERFORM core.refuse_faults(core.ended_grant_faults(v_grant, v_gate.last_at));
    UPDATE core.credit_grant SET remaining = 0, is_scheduled = false, is_open = held > 0, voided_at = v_gate.last_at,
      void_reason = p_input ->> 'reason'
    WHERE customer_id = p_customer_id AND grant_no = v_grant.grant_no;
    IF v_grant.remaining > 0 THEN
      UPDATE core.wallet
      SET scheduled = scheduled - CASE WHEN v_grant.is_scheduled THEN v_grant.remaining ELSE 0 END,
          available = available - CASE WHEN v_grant.is_scheduled THEN 0 ELSE v_grant.remaining END
      WHERE customer_id = p_customer_id AND wallet_no = v_wallet.wallet_no
      RETURNING * INTO v_wallet;
      INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account,
                                     grant_no, amount, from_balance_after)
      VALUES (p_customer_id, v_gate.seq + 1, 1, v_gate.last_at, 'GRANT_VOIDED', v_wallet.wallet_no, v_wallet.wallet_no,
              CASE WHEN v_grant.is_scheduled THEN 'SCHEDULED' ELSE 'AVAILABLE' END::core.account, 'VOIDED', v_grant.grant_no, v_grant.remaining,
              CASE WHEN v_grant.is_scheduled THEN v_wallet.scheduled ELSE v_wallet.available END);
    END IF;
    -- The reason may name somebody: it stands with the grant, where it can be erased.
    PERFORM core.end_change(v_gate, 'GRANT_VOIDED', v_grant.grant_no::text, NULL, jsonb_build_object(
      'voided', trim_scale(v_grant.remaining)::text, 'held', trim_scale(v_grant.held)::text), p_actor);
  END IF;
  SELECT * INTO v_change FROM core.change
  WHERE customer_id = p_customer_id AND kind = 'GRANT_VOIDED' AND subject = v_grant.grant_no::text;
  RETURN jsonb_build_object(
    'grantId', v_grant.grant_no::text, 'walletId', v_wallet.wallet_id, 'creditType', v_wallet.credit_type,
    'voided', v_change.after -> 'voided', 'held', v_change.after -> 'held', 'seq', v_change.seq::text,
    'recordedAt', v_change.recorded_at, 'replayed', v_grant.voided_at IS NOT NULL);
END
$$;
