-- The answer that an idempotency key keeps, for whoever asks the same again; null for a new key.
--
--   p_month   that of the key, as core.key_month has it
--   p_fields  names of the fingerprint's fields, the operation first
--
-- Raises UC101 with IDEMPOTENCY_CONFLICT at the field that differs.
CREATE OR REPLACE FUNCTION core.known_answer(p_customer_id text, p_key text, p_month date, p_print bytea, p_fields text[]) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_key CONSTANT bytea := core.key_bytes(p_key);
  v_known core.idempotency;
BEGIN
  SELECT * INTO v_known FROM core.idempotency WHERE customer_id = p_customer_id AND key_month = p_month AND key = v_key;
  IF v_known.fingerprint <> p_print THEN
    PERFORM core.refuse_faults(core.fault(core.fingerprint_difference(p_print, v_known.fingerprint, p_fields), 'IDEMPOTENCY_CONFLICT',
      'differs from the first request under this key: a new request needs a new key'));
  END IF;
  RETURN v_known.answer::jsonb;
END
$$;
