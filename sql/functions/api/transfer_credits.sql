-- Moves credits from one wallet to another of the same credit type, also between entities, once per idempotency key: all of them or
-- none. They are taken in burn order from what can be burned now, and keep kind, priority, dates, features, cost basis and
-- source; what the other wallet owes is paid first, on the ledger.
--
--   p_input  idempotencyKey!, from!, to!, amount!; each wallet by its walletId, or by creditType with entityId (null: the customer's
--            own), and `to` is made where it is missing
--
-- Returns {fromWalletId, toWalletId, creditType, amount, parts: [{fromGrantId, grantId, amount, repaid}], seq, recordedAt,
-- replayed}, the first answer again for the same key; each part is a grant of its own. Raises UC101 with all faults:
-- INSUFFICIENT_CREDITS at `amount` where not so much is available, IDEMPOTENCY_CONFLICT at the field that differs from the
-- request that used the key.
CREATE OR REPLACE FUNCTION api.transfer_credits(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_fields CONSTANT text[] := '{operation,from.walletId,from.entityId,from.creditType,to.walletId,to.entityId,to.creditType,amount}';
  c_wallet CONSTANT jsonb := '{"walletId": "text", "entityId": "key", "creditType": "id"}';
  v_faults jsonb := core.faults(p_input, '', '{"idempotencyKey": "text!", "from": "object!", "to": "object!", "amount": "amount!"}');
  v_gate core.gate;
  v_month date;
  v_print bytea;
  v_from core.wallet;
  v_to core.wallet;
  v_answer jsonb;
  v_replayed boolean;
BEGIN
  IF v_faults = '[]' THEN
    v_faults := core.faults(p_input -> 'from', 'from.', c_wallet) || core.faults(p_input -> 'to', 'to.', c_wallet);
  END IF;
  PERFORM core.refuse_faults(v_faults);
  v_gate := core.begin_change(p_customer_id);
  v_month := core.key_month(p_input ->> 'idempotencyKey', (SELECT date_trunc('month', installed_at, 'UTC') AT TIME ZONE 'UTC' FROM core.installation)::date);
  v_print := core.transfer_fingerprint(p_input);
  v_answer := core.known_answer(p_customer_id, p_input ->> 'idempotencyKey', v_month, v_print, c_fields);
  v_replayed := v_answer IS NOT NULL;
  IF NOT v_replayed THEN
    IF v_month > v_gate.last_at AT TIME ZONE 'UTC' + interval '1 month' THEN
      v_faults := core.fault('idempotencyKey', 'KEY_FROM_THE_FUTURE', 'its time lies more than a month ahead');
    END IF;
    v_from := core.wallet_to_grant(p_customer_id, p_input -> 'from');
    v_to := core.wallet_to_grant(p_customer_id, p_input -> 'to');
    IF v_gate.next_due_at <= v_gate.last_at THEN
      -- More is due than one call books: what has taken effect in these two can be moved, and pays, all the same.
      PERFORM core.book_due_of_wallets(ARRAY[p_customer_id, p_customer_id], ARRAY[v_from.entity_no, v_to.entity_no], v_gate.last_at);
      SELECT seq, next_due_at INTO v_gate.seq, v_gate.next_due_at FROM core.gate WHERE customer_id = p_customer_id;
      v_from := core.wallet_to_grant(p_customer_id, p_input -> 'from');
      v_to := core.wallet_to_grant(p_customer_id, p_input -> 'to');
    END IF;
    PERFORM core.refuse_faults(v_faults || core.transfer_faults(p_input, v_from, v_to, v_gate.last_at));
    v_answer := core.book_transfer(v_gate, v_from, v_to, (p_input ->> 'amount')::numeric, p_actor);
    INSERT INTO core.idempotency (customer_id, key_month, key, fingerprint, recorded_at, seq, answer, allowed)
    VALUES (p_customer_id, v_month, core.key_bytes(p_input ->> 'idempotencyKey'), v_print, v_gate.last_at, (v_answer ->> 'seq')::bigint, v_answer::json, true);
  END IF;
  RETURN (v_answer - '{fromWalletNo,toWalletNo}'::text[]) || jsonb_build_object(
    'fromWalletId', (SELECT wallet_id FROM core.wallet WHERE customer_id = p_customer_id AND wallet_no = (v_answer ->> 'fromWalletNo')::integer),
    'toWalletId', (SELECT wallet_id FROM core.wallet WHERE customer_id = p_customer_id AND wallet_no = (v_answer ->> 'toWalletNo')::integer),
    'replayed', v_replayed);
END
$$;
