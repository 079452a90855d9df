-- A page of a customer's grants, the newest first.
--
--   p_filter  grantId, fromGrantId (what was made of that one, by a transfer or a reversal), walletId, status, isOpen (something is left to burn); each may be absent
--   p_after   key of the row before the page: [incarnation, grant number]
--
-- `status`, `remaining` and `held` are those of now: what is due counts, booked or not.
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_grants(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_after bigint := (core.page_key(p_after, 'bigint') ->> 0)::bigint;
  v_incarnation integer := (SELECT incarnation FROM core.installation);
  v_at timestamptz := (SELECT greatest(core.clock(), last_at) FROM core.gate WHERE customer_id = p_customer_id);
BEGIN
  RETURN QUERY
  SELECT jsonb_build_object(
    'customerId', g.customer_id, 'grantId', g.grant_no::text, 'walletId', w.wallet_id, 'creditType', w.credit_type,
    'kind', g.grant_kind, 'priority', g.priority, 'effectiveAt', g.effective_at,
    'expiresAt', CASE WHEN g.expires_at < 'infinity' THEN g.expires_at END, 'featureIds', to_jsonb(g.features),
    'amount', trim_scale(g.amount)::text, 'remaining', trim_scale(n.remaining)::text, 'held', trim_scale(n.held)::text, 'status', s.status,
    'costBasis', trim_scale(g.cost_basis)::text, 'currency', g.currency, 'source', g.source, 'fromGrantId', g.from_grant_no::text,
    'voidedAt', g.voided_at, 'voidReason', g.void_reason, 'chargedBackAt', g.charged_back_at, 'createdAt', g.created_at, 'key', jsonb_build_array(v_incarnation, g.grant_no))
  FROM core.credit_grant AS g
  JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
  LEFT JOIN core.grant_dues(p_customer_id, v_at) AS d ON d.grant_no = g.grant_no
  CROSS JOIN LATERAL (SELECT CASE WHEN g.expires_at <= v_at THEN 0 ELSE coalesce(d.remaining, g.remaining) END AS remaining,
                             coalesce(d.held, g.held) AS held) AS n
  CROSS JOIN LATERAL (SELECT core.grant_status(g, n.remaining, n.held, v_at) AS status) AS s
  WHERE g.customer_id = p_customer_id
    AND (v_after IS NULL OR g.grant_no < v_after)
    AND (p_filter ->> 'grantId' IS NULL OR g.grant_no::text = p_filter ->> 'grantId')
    AND (p_filter ->> 'fromGrantId' IS NULL OR g.from_grant_no::text = p_filter ->> 'fromGrantId')
    AND (p_filter ->> 'walletId' IS NULL OR w.wallet_id = p_filter ->> 'walletId')
    AND (p_filter ->> 'status' IS NULL OR s.status = p_filter ->> 'status')
    AND (p_filter ->> 'isOpen' IS NULL OR (s.status IN ('SCHEDULED', 'ACTIVE')) = (p_filter ->> 'isOpen')::boolean)
  ORDER BY g.grant_no DESC
  LIMIT p_limit;
END
$$;
