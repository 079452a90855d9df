-- Moves credits from one wallet to another of the same credit type, grant by grant in burn order. What moves of a grant becomes a
-- grant of the other wallet with the same terms, and pays first what that wallet owes.
--
-- A grant is numbered by its seq, so each part is an operation of its own, and they follow one another. An entry TRANSFER names the
-- grant that it moves from; the one it moves to has the number of its seq. The last of them has a change row that tells of
-- the whole, and is the seq of the transfer.
--
-- Returns the answer that its idempotency key keeps, with numbers for the wallets, whose ids may hold those of people.
CREATE OR REPLACE FUNCTION core.book_transfer(p_gate core.gate, p_from core.wallet, p_to core.wallet, p_amount numeric, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_gate core.gate := p_gate;
  v_to core.wallet := core.ensure_wallet(p_gate, p_to);
  v_left numeric := p_amount;
  v_from_available numeric := p_from.available;
  v_lot core.credit_grant;
  v_part core.credit_grant;
  v_repaid numeric;
  v_parts jsonb := '[]';
  v_seq bigint;
BEGIN
  v_gate.last_no := greatest(v_gate.last_no, v_to.wallet_no);
  FOR v_lot IN SELECT * FROM core.transferable_grants(p_from, p_gate.last_at) LOOP
    v_seq := v_gate.seq + 1;
    v_part := v_lot;
    v_part.grant_no := v_seq;
    v_part.from_grant_no := v_lot.grant_no;
    v_part.wallet_no := v_to.wallet_no;
    v_part.amount := least(v_lot.remaining, v_left);
    v_repaid := least(v_part.amount, v_to.owed);
    v_part.remaining := v_part.amount - v_repaid;
    v_part.held := 0;
    -- It goes from the lot's end, and keeps its place there, so that its money is that of just these credits.
    v_part.lot_offset := coalesce(v_lot.lot_offset, 0) + v_lot.amount - v_part.amount
      - (SELECT apart FROM core.lot_ends(p_gate.customer_id, v_lot.grant_no, v_seq, p_gate.last_at));
    v_part.is_open := v_part.remaining > 0;
    v_part.created_at := p_gate.last_at;
    INSERT INTO core.credit_grant SELECT v_part.*;
    UPDATE core.credit_grant SET remaining = remaining - v_part.amount, is_open = remaining > v_part.amount OR held > 0
    WHERE customer_id = p_gate.customer_id AND grant_no = v_lot.grant_no;

    v_from_available := v_from_available - v_part.amount;
    INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account,
                                   grant_no, amount, from_balance_after, to_balance_after)
    SELECT p_gate.customer_id, v_seq, leg, p_gate.last_at, kind::core.entry_kind, wallet_no, v_to.wallet_no, 'AVAILABLE', to_account::core.account,
           grant_no, amount, from_balance, to_balance
    FROM (VALUES (1, 'TRANSFER', p_from.wallet_no, 'AVAILABLE', v_lot.grant_no, v_part.amount, v_from_available, v_to.available + v_part.amount),
                 (2, 'OVERDRAFT_REPAID', v_to.wallet_no, 'OWED', v_seq, v_repaid, v_to.available + v_part.remaining, v_to.owed - v_repaid))
      AS entry (leg, kind, wallet_no, to_account, grant_no, amount, from_balance, to_balance)
    WHERE amount > 0;
    INSERT INTO core.ledger_origin (customer_id, seq, actor, source, terms)
    VALUES (p_gate.customer_id, v_seq, p_actor, v_lot.source, core.all_grant_terms(v_part));
    v_to.available := v_to.available + v_part.remaining;
    v_to.owed := v_to.owed - v_repaid;
    v_parts := v_parts || jsonb_build_object('fromGrantId', v_lot.grant_no::text, 'grantId', v_seq::text,
                                             'amount', trim_scale(v_part.amount)::text, 'repaid', trim_scale(v_repaid)::text);
    v_left := v_left - v_part.amount;
    EXIT WHEN v_left = 0;
    v_gate.seq := v_seq;
  END LOOP;
  UPDATE core.wallet SET available = v_from_available WHERE customer_id = p_gate.customer_id AND wallet_no = p_from.wallet_no;
  UPDATE core.wallet SET available = v_to.available, owed = v_to.owed WHERE customer_id = p_gate.customer_id AND wallet_no = v_to.wallet_no;
  v_seq := core.end_change(v_gate, 'TRANSFER', p_from.wallet_no::text, NULL, jsonb_build_object(
    'fromWalletNo', p_from.wallet_no, 'toWalletNo', v_to.wallet_no, 'amount', trim_scale(p_amount)::text, 'parts', jsonb_array_length(v_parts)), p_actor);
  RETURN jsonb_build_object(
    'fromWalletNo', p_from.wallet_no, 'toWalletNo', v_to.wallet_no, 'creditType', v_to.credit_type, 'amount', trim_scale(p_amount)::text,
    'parts', v_parts, 'seq', v_seq::text, 'recordedAt', p_gate.last_at);
END
$$;
