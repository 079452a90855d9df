-- A page of a customer's wallets in the order of their making, as they stand now.
--
--   p_filter  walletId, entityId ('' is the customer's own), creditType; each may be absent
--   p_after   key of the row before the page: [incarnation, wallet number]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_wallets(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_after integer := (core.page_key(p_after, 'integer') ->> 0)::integer;
  v_entity_no integer := core.entity_no_of(p_customer_id, p_filter ->> 'entityId');
  v_incarnation integer := (SELECT incarnation FROM core.installation);
BEGIN
  RETURN QUERY
  SELECT core.wallet_json(w, w.scheduled + coalesce(d.scheduled, 0), w.available + coalesce(d.available, 0),
                          w.held + coalesce(d.held, 0), w.owed + coalesce(d.owed, 0), e.entity_id, t.decimals, t.display_decimals)
    || jsonb_build_object('key', jsonb_build_array(v_incarnation, w.wallet_no))
  FROM core.wallet AS w
  JOIN core.entity AS e ON e.customer_id = w.customer_id AND e.entity_no = w.entity_no
  JOIN core.credit_type AS t ON t.credit_type = w.credit_type
  LEFT JOIN core.wallet_dues(ARRAY[p_customer_id]) AS d ON d.customer_id = w.customer_id AND d.wallet_no = w.wallet_no
  WHERE w.customer_id = p_customer_id
    AND (v_after IS NULL OR w.wallet_no > v_after)
    AND (p_filter ->> 'walletId' IS NULL OR w.wallet_id = p_filter ->> 'walletId')
    AND (v_entity_no IS NULL OR w.entity_no = v_entity_no)
    AND (p_filter ->> 'creditType' IS NULL OR w.credit_type = p_filter ->> 'creditType')
  ORDER BY w.wallet_no
  LIMIT p_limit;
END
$$;
