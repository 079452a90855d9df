-- A page of a customer's recorded decisions, denials too, by idempotency key, the largest first: with
-- time-ordered keys that is the newest first.
--
--   p_filter  idempotencyKey, reason, allowed; each may be absent. Undated keys come last.
--   p_after   key of the row before the page: [incarnation, month of the key, key]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_decisions(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_key jsonb := core.page_key(p_after, 'date', 'text');
  v_incarnation integer := (SELECT incarnation FROM core.installation);
BEGIN
  RETURN QUERY
  SELECT jsonb_build_object(
    'customerId', i.customer_id, 'idempotencyKey', core.key_text(i.key), 'allowed', i.allowed, 'reason', nullif(i.reason, ''),
    'seq', i.seq::text, 'recordedAt', i.recorded_at, 'answer', (core.show_answer(i.customer_id, i.answer::text) || '}')::json,
    'key', jsonb_build_array(v_incarnation, i.key_month, core.key_text(i.key)))
  FROM core.idempotency AS i
  WHERE i.customer_id = p_customer_id
    AND (v_key IS NULL OR (i.key_month, i.key) < ((v_key ->> 0)::date, core.key_bytes(v_key ->> 1)))
    AND (p_filter ->> 'idempotencyKey' IS NULL OR i.key = core.key_bytes(p_filter ->> 'idempotencyKey'))
    AND (p_filter ->> 'reason' IS NULL OR i.reason = p_filter ->> 'reason')
    AND (p_filter ->> 'allowed' IS NULL OR i.allowed = (p_filter ->> 'allowed')::boolean)
  ORDER BY i.key_month DESC, i.key DESC
  LIMIT p_limit;
END
$$;
