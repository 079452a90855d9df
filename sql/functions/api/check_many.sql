-- api.check for requests of many customers, each naming its own.
CREATE OR REPLACE FUNCTION api.check_many(p_items jsonb, p_observe boolean DEFAULT false)
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
  v_of text; -- each its own
  v_customers text[];
  v_verdict core.verdict;
BEGIN
  PERFORM core.hold_identity(p_writes => false);
  IF jsonb_typeof(p_items) IS DISTINCT FROM 'array' THEN
    PERFORM core.refuse_malformed(p_items, NULL, core.clock(), false);
  END IF;
  SELECT coalesce(array_agg(DISTINCT (i ->> 'customerId') COLLATE "C"), '{}') INTO v_customers
  FROM jsonb_array_elements(p_items) AS i WHERE i ->> 'customerId' IS NOT NULL;
  -- part: check/answer.plpgsql
END
$$;
