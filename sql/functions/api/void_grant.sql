-- Voids a grant: what is left of it and not held is taken back, on the ledger. What reservations hold of it stays held until they
-- settle or return it; what they return is then taken back too.
--
--   p_input  grantId!, reason!, chargeback (its payment was taken back: what was spent of it is a receivable; default false)
--
-- One that was voided before, has expired or is exhausted can still be charged back, once. What reservations hold of it is receivable as soon as
-- they settle it, and what is reversed of it no longer is. A chargeback follows the payment: grants that were made of this one, by transfers or
-- reversals, and of those in turn, are charged back with it, each where it lies, by the same rule, unless that was done before. A void that is none leaves
-- them as they are.
--
-- A chargeback of several is an operation for each, which follow one another; that of the grant itself is the last.
--
-- Doing it again is answered as the first time, and changes nothing. Returns {grantId, walletId, creditType, voided, held, receivable,
-- parts: [{grantId, walletId, voided, held, receivable}], seq, recordedAt, replayed}, the figures of the grant itself without those of its parts;
-- of a grant that waited for its payment nothing was issued, so that nothing is taken back.
-- Raises UC101 for one that is not there; and, if it is no chargeback, has expired or is exhausted.
CREATE OR REPLACE FUNCTION api.void_grant(p_customer_id text, p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_charges_back CONSTANT boolean := coalesce((p_input ->> 'chargeback')::boolean, false);
  v_gate core.gate;
  v_grant core.credit_grant;
  v_part core.credit_grant;
  v_parts text[] := '{}';
  v_is_done boolean;
  v_change core.change;
BEGIN
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"grantId": "text!", "reason": "text!", "chargeback": "boolean"}'));
  v_gate := core.begin_change(p_customer_id);
  v_grant := core.grant_to_change(p_customer_id, p_input ->> 'grantId');
  v_is_done := CASE WHEN v_charges_back THEN v_grant.charged_back_at ELSE v_grant.voided_at END IS NOT NULL;
  IF NOT v_is_done THEN
    IF v_charges_back THEN
      FOR v_part IN SELECT * FROM core.grant_parts(p_customer_id, v_grant.grant_no) AS p WHERE p.charged_back_at IS NULL LOOP
        v_gate.seq := core.book_void(v_gate, v_part, '{}', true, p_input ->> 'reason', p_actor);
        v_parts := v_parts || v_part.grant_no::text;
      END LOOP;
    ELSE
      PERFORM core.refuse_faults(core.ended_grant_faults(v_grant, v_gate.last_at));
    END IF;
    PERFORM core.book_void(v_gate, v_grant, v_parts, v_charges_back, p_input ->> 'reason', p_actor);
  END IF;
  SELECT * INTO v_change FROM core.change
  WHERE customer_id = p_customer_id AND subject = v_grant.grant_no::text
    AND CASE WHEN v_charges_back THEN kind IN ('GRANT_VOIDED', 'GRANT_CHARGED_BACK') AND after ? 'receivable' ELSE kind = 'GRANT_VOIDED' END;
  RETURN (
    SELECT jsonb_build_object(
      'grantId', v_grant.grant_no::text, 'walletId', w.wallet_id, 'creditType', w.credit_type,
      'voided', v_change.after -> 'voided', 'held', v_change.after -> 'held', 'receivable', coalesce(v_change.after ->> 'receivable', '0'),
      'parts', CASE WHEN v_charges_back THEN core.charged_back_parts(p_customer_id, v_change.after -> 'parts') ELSE '[]' END,
      'seq', v_change.seq::text, 'recordedAt', v_change.recorded_at, 'replayed', v_is_done)
    FROM core.wallet AS w WHERE w.customer_id = p_customer_id AND w.wallet_no = v_grant.wallet_no);
END
$$;
