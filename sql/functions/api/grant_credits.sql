-- Grants credits to a wallet, once per idempotency key. What the wallet owes is paid first, on the ledger, as soon as
-- the grant takes effect.
--
--   p_input  idempotencyKey!, walletId or creditType with entityId (null: the customer's own; such a wallet is made
--            where it is missing), amount!, kind (PAID, PROMOTIONAL, RECURRING, ADJUSTMENT; default PAID), priority
--            (0–100, the low ones burn first; default 50), effectiveAt (default now), expiresAt (default never),
--            features (ids; only these may burn it), costBasis with currency (ISO 4217; what one credit cost, net of tax and
--            discount), source, pendingPayment (default false)
--
-- A grant whose payment is pending is no credits yet: api.update_grant issues it when the payment is received.
--
-- Returns {grantId, walletId, creditType, amount, repaid, seq, recordedAt, replayed}, the first answer again for the same
-- key. Raises UC101 with all faults; another request under a used key has the code IDEMPOTENCY_CONFLICT at the
-- field that differs.
CREATE OR REPLACE FUNCTION api.grant_credits(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_fields CONSTANT text[] := '{operation,walletId,entityId,creditType,amount,kind,priority,effectiveAt,expiresAt,features,costBasis,currency,source,pendingPayment}';
  v_faults jsonb := core.faults(p_input, '', '{"idempotencyKey": "text!", "walletId": "text", "entityId": "key", "creditType": "id", "amount": "amount!",
    "kind": "PAID|PROMOTIONAL|RECURRING|ADJUSTMENT", "priority": "count", "effectiveAt": "instant", "expiresAt": "instant", "features": "list",
    "costBasis": "amount", "currency": "id", "source": "text", "pendingPayment": "boolean"}')
    || core.name_list_faults(p_input -> 'features', 'features', 1, 100);
  v_gate core.gate;
  v_month date;
  v_print bytea;
  v_wallet core.wallet;
  v_grant core.credit_grant;
  v_answer jsonb;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  v_gate := core.begin_change(p_customer_id);
  v_month := core.key_month(p_input ->> 'idempotencyKey', (SELECT date_trunc('month', installed_at, 'UTC') AT TIME ZONE 'UTC' FROM core.installation)::date);
  v_print := core.grant_fingerprint(p_input);
  v_answer := core.known_answer(p_customer_id, p_input ->> 'idempotencyKey', v_month, v_print, c_fields);
  IF v_answer IS NOT NULL THEN
    RETURN core.show_grant(p_customer_id, v_answer) || '{"replayed": true}';
  ELSIF v_month > v_gate.last_at AT TIME ZONE 'UTC' + interval '1 month' THEN
    v_faults := core.fault('idempotencyKey', 'KEY_FROM_THE_FUTURE', 'its time lies more than a month ahead');
  END IF;

  v_wallet := core.wallet_to_grant(p_customer_id, p_input);
  v_grant.wallet_no := v_wallet.wallet_no;
  v_grant.grant_kind := coalesce(p_input ->> 'kind', 'PAID');
  v_grant.priority := least(coalesce((p_input ->> 'priority')::bigint, 50), 101);
  v_grant.effective_at := coalesce((p_input ->> 'effectiveAt')::timestamptz, v_gate.last_at);
  v_grant.expires_at := coalesce((p_input ->> 'expiresAt')::timestamptz, 'infinity');
  v_grant.features := core.text_list(p_input -> 'features');
  v_grant.amount := (p_input ->> 'amount')::numeric;
  v_grant.cost_basis := (p_input ->> 'costBasis')::numeric;
  v_grant.currency := p_input ->> 'currency';
  v_grant.source := p_input ->> 'source';
  v_grant.is_pending := coalesce((p_input ->> 'pendingPayment')::boolean, false);
  PERFORM core.refuse_faults(v_faults || core.grant_faults(p_input, v_wallet, v_grant, v_gate.last_at));

  v_answer := core.book_grant(v_gate, v_wallet, v_grant, p_actor);
  INSERT INTO core.ledger_origin (customer_id, seq, actor, source, terms)
  SELECT p_customer_id, g.grant_no, p_actor, g.source, core.all_grant_terms(g)
  FROM core.credit_grant AS g WHERE g.customer_id = p_customer_id AND g.grant_no = v_gate.seq + 1;
  INSERT INTO core.idempotency (customer_id, key_month, key, fingerprint, recorded_at, seq, answer, allowed)
  SELECT p_customer_id, v_month, core.key_bytes(p_input ->> 'idempotencyKey'), v_print, v_gate.last_at, v_gate.seq + 1,
         (v_answer - 'walletId' || jsonb_build_object('walletNo', w.wallet_no))::json, true
  FROM core.wallet AS w WHERE w.customer_id = p_customer_id AND w.wallet_id = v_answer ->> 'walletId';
  RETURN v_answer || '{"replayed": false}';
END
$$;
