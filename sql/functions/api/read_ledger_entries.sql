-- A page of a customer's ledger, the newest first.
--
--   p_filter  walletId, grantId, kind, account (from or to it; of walletId, if that is given), fromSeq, toSeq, recordedFrom, recordedBefore, ascending; each may be absent
--   p_after   key of the row before the page: [incarnation, seq, leg]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_ledger_entries(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_key jsonb := core.page_key(p_after, 2);
  v_ascending boolean := coalesce((p_filter ->> 'ascending')::boolean, false);
  v_wallet_no integer := (SELECT wallet_no FROM core.wallet
                          WHERE customer_id = p_customer_id AND wallet_id = p_filter ->> 'walletId');
BEGIN
  IF p_filter ->> 'walletId' IS NOT NULL AND v_wallet_no IS NULL THEN
    RETURN;
  END IF;
  -- Both directions walk the primary key; only then does the order stand in the text.
  RETURN QUERY EXECUTE format($query$
    SELECT jsonb_build_object(
      'customerId', l.customer_id, 'seq', l.seq::text, 'leg', l.leg, 'kind', l.kind, 'recordedAt', l.recorded_at,
      'effectiveAt', l.effective_at, 'fromWalletId', f.wallet_id, 'toWalletId', t.wallet_id, 'creditType', f.credit_type,
      'fromAccount', l.from_account, 'toAccount', l.to_account, 'grantId', l.grant_no::text,
      'toGrantId', CASE WHEN l.kind = 'TRANSFER' THEN l.seq::text END,
      'amount', trim_scale(l.amount)::text, 'fromBalanceAfter', trim_scale(l.from_balance_after)::text,
      'toBalanceAfter', trim_scale(l.to_balance_after)::text,
      'key', jsonb_build_array((SELECT incarnation FROM core.installation), l.seq, l.leg))
    FROM core.ledger_entry AS l
    JOIN core.wallet AS f ON f.customer_id = l.customer_id AND f.wallet_no = l.from_wallet_no
    JOIN core.wallet AS t ON t.customer_id = l.customer_id AND t.wallet_no = l.to_wallet_no
    WHERE l.customer_id = $1
      AND ($2 IS NULL OR (l.seq, l.leg) %s (($2 ->> 0)::bigint, ($2 ->> 1)::smallint))
      AND ((($3 IS NULL OR l.from_wallet_no = $3) AND ($4 ->> 'account' IS NULL OR l.from_account::text = $4 ->> 'account'))
        OR (($3 IS NULL OR l.to_wallet_no = $3) AND ($4 ->> 'account' IS NULL OR l.to_account::text = $4 ->> 'account')))
      AND ($4 ->> 'grantId' IS NULL OR l.grant_no::text = $4 ->> 'grantId' OR (l.kind = 'TRANSFER' AND l.seq::text = $4 ->> 'grantId'))
      AND ($4 ->> 'kind' IS NULL OR l.kind::text = $4 ->> 'kind')
      AND ($4 ->> 'fromSeq' IS NULL OR l.seq >= ($4 ->> 'fromSeq')::bigint)
      AND ($4 ->> 'toSeq' IS NULL OR l.seq <= ($4 ->> 'toSeq')::bigint)
      AND ($4 ->> 'recordedFrom' IS NULL OR l.recorded_at >= ($4 ->> 'recordedFrom')::timestamptz)
      AND ($4 ->> 'recordedBefore' IS NULL OR l.recorded_at < ($4 ->> 'recordedBefore')::timestamptz)
    ORDER BY l.seq %s, l.leg %s
    LIMIT $5
    $query$, CASE WHEN v_ascending THEN '>' ELSE '<' END, CASE WHEN v_ascending THEN 'ASC' ELSE 'DESC' END,
    CASE WHEN v_ascending THEN 'ASC' ELSE 'DESC' END)
  USING p_customer_id, v_key, v_wallet_no, p_filter, p_limit;
END
$$;
