-- A page of a customer's grants, the newest first.
--
--   p_filter  grantId, walletId, isOpen; each may be absent
--   p_after   key of the row before the page: [incarnation, grant number]
--
-- `remaining` is what is left of it now: nothing once it has expired, booked or not.
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_grants(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_after bigint := (core.page_key(p_after, 1) ->> 0)::bigint;
  v_incarnation integer := (SELECT incarnation FROM core.installation);
  v_at timestamptz := (SELECT greatest(core.clock(), last_at) FROM core.gate WHERE customer_id = p_customer_id);
BEGIN
  RETURN QUERY
  SELECT jsonb_build_object(
    'customerId', g.customer_id, 'grantId', g.grant_no::text, 'walletId', w.wallet_id, 'creditType', w.credit_type,
    'kind', g.grant_kind, 'priority', g.priority, 'effectiveAt', g.effective_at,
    'expiresAt', CASE WHEN g.expires_at < 'infinity' THEN g.expires_at END, 'featureIds', to_jsonb(g.features),
    'amount', trim_scale(g.amount)::text,
    'remaining', CASE WHEN g.expires_at <= v_at THEN '0' ELSE trim_scale(g.remaining)::text END,
    'held', trim_scale(g.held)::text,
    'state', CASE
      WHEN g.expires_at <= v_at THEN 'EXPIRED'
      WHEN g.remaining = 0 AND g.held = 0 THEN 'EXHAUSTED'
      WHEN g.effective_at > v_at THEN 'SCHEDULED'
      ELSE 'ACTIVE' END,
    'costBasis', trim_scale(g.cost_basis)::text, 'currency', g.currency, 'source', g.source,
    'createdAt', g.created_at, 'key', jsonb_build_array(v_incarnation, g.grant_no))
  FROM core.credit_grant AS g
  JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
  WHERE g.customer_id = p_customer_id
    AND (v_after IS NULL OR g.grant_no < v_after)
    AND (p_filter ->> 'grantId' IS NULL OR g.grant_no::text = p_filter ->> 'grantId')
    AND (p_filter ->> 'walletId' IS NULL OR w.wallet_id = p_filter ->> 'walletId')
    AND (p_filter ->> 'isOpen' IS NULL OR (g.is_open AND g.expires_at > v_at) = (p_filter ->> 'isOpen')::boolean)
  ORDER BY g.grant_no DESC
  LIMIT p_limit;
END
$$;
