-- What api.consume would answer now, decided by the same function; nothing is locked, charged or recorded. Keys are
-- ignored; items count against those after them, as in api.consume.
--
-- Raises UC100 (malformed), UC120 (this server's history is not the one known).
CREATE OR REPLACE FUNCTION api.check(p_customer_id text, p_items jsonb, p_observe boolean DEFAULT false)
RETURNS TABLE (item integer, customer_id text, idempotency_key text, allowed boolean, reason text, would_allow boolean,
               replayed boolean, deferred boolean, seq bigint, recorded_at timestamptz, answer json)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  v_of text := p_customer_id;
  v_customers text[] := ARRAY[p_customer_id];
  v_verdict core.verdict;
BEGIN
  IF p_customer_id IS NULL THEN
    PERFORM core.refuse(0, 'customerId', 'REQUIRED', 'is needed');
  END IF;
  PERFORM core.hold_identity(p_writes => false);
  -- part: check/answer.plpgsql
END
$$;
