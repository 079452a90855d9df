-- A page of a customer's ledger, the newest first.
--
--   p_filter  walletId, grantId, kind, account (from or to it; of walletId, if that is given), fromSeq, toSeq, recordedFrom, recordedBefore,
--             ascending; withMoney, without which nobody pays for what it costs to know; each may be absent. What is named and not there
--             (a wallet, a grant, a kind) has no entries, as in every list
--   p_after   key of the row before the page: [incarnation, seq, leg]
--
-- Actor, source, currency and money are those of report.ledger, which is for whole months.
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_ledger_entries(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_key jsonb := core.page_key(p_after, 'bigint', 'smallint');
  v_ascending boolean := coalesce((p_filter ->> 'ascending')::boolean, false);
  v_wallet_no integer := (SELECT wallet_no FROM core.wallet
                          WHERE customer_id = p_customer_id AND wallet_id = p_filter ->> 'walletId');
  v_incarnation integer := (SELECT incarnation FROM core.installation);
  v_page core.ledger_entry[];
BEGIN
  IF p_filter ->> 'walletId' IS NOT NULL AND v_wallet_no IS NULL THEN
    RETURN;
  END IF;
  -- Both directions walk the primary key; only then does the order stand in the text.
  EXECUTE format($query$
    SELECT array_agg(p ORDER BY p.seq %2$s, p.leg %2$s) FROM (
      SELECT l.*
      FROM core.ledger_entry AS l
      WHERE l.customer_id = $1
        AND ($2 IS NULL OR (l.seq, l.leg) %1$s (($2 ->> 0)::bigint, ($2 ->> 1)::smallint))
        AND ((($3 IS NULL OR l.from_wallet_no = $3) AND ($4 ->> 'account' IS NULL OR l.from_account::text = $4 ->> 'account'))
          OR (($3 IS NULL OR l.to_wallet_no = $3) AND ($4 ->> 'account' IS NULL OR l.to_account::text = $4 ->> 'account')))
        AND ($4 ->> 'grantId' IS NULL OR l.grant_no::text = $4 ->> 'grantId' OR (l.kind = 'TRANSFER' AND l.seq::text = $4 ->> 'grantId'))
        AND ($4 ->> 'kind' IS NULL OR l.kind::text = $4 ->> 'kind')
        AND ($4 ->> 'fromSeq' IS NULL OR l.seq >= ($4 ->> 'fromSeq')::bigint)
        AND ($4 ->> 'toSeq' IS NULL OR l.seq <= ($4 ->> 'toSeq')::bigint)
        AND ($4 ->> 'recordedFrom' IS NULL OR l.recorded_at >= ($4 ->> 'recordedFrom')::timestamptz)
        AND ($4 ->> 'recordedBefore' IS NULL OR l.recorded_at < ($4 ->> 'recordedBefore')::timestamptz)
      ORDER BY l.seq %2$s, l.leg %2$s
      LIMIT $5
    ) AS p
    $query$, CASE WHEN v_ascending THEN '>' ELSE '<' END, CASE WHEN v_ascending THEN 'ASC' ELSE 'DESC' END)
  INTO v_page USING p_customer_id, v_key, v_wallet_no, p_filter, p_limit;

  RETURN QUERY
  SELECT jsonb_build_object(
    'customerId', l.customer_id, 'seq', l.seq::text, 'leg', l.leg, 'kind', l.kind, 'recordedAt', l.recorded_at,
    'effectiveAt', l.effective_at, 'fromWalletId', f.wallet_id, 'toWalletId', t.wallet_id, 'creditType', f.credit_type,
    'fromAccount', l.from_account, 'toAccount', l.to_account, 'grantId', l.grant_no::text,
    'toGrantId', CASE WHEN l.kind = 'TRANSFER' THEN l.seq::text END,
    'amount', trim_scale(l.amount)::text, 'fromBalanceAfter', trim_scale(l.from_balance_after)::text,
    'toBalanceAfter', trim_scale(l.to_balance_after)::text,
    'actor', CASE
      WHEN coalesce(o.actor, n.actor) IS NOT NULL THEN coalesce(o.actor, n.actor)
      WHEN l.effective_at IS NOT NULL THEN 'clock'
      WHEN coalesce(u.path, r.path) IS NULL THEN NULL
      WHEN coalesce(u.path, r.path) ->> 0 = '0' THEN 'customer'
      ELSE 'entity:' || coalesce(a.entity_id, '') END,
    'source', CASE
      WHEN u.seq IS NOT NULL THEN 'usage:' || u.seq::text
      WHEN s.seq IS NOT NULL THEN 'reservation:' || s.reservation_no::text
      WHEN coalesce(o.actor, n.actor) IS NOT NULL THEN coalesce(o.source, g.source)
      WHEN l.effective_at IS NOT NULL THEN 'grant:' || l.grant_no::text
      WHEN l.from_account = 'ISSUED' THEN g.source END,
    'currency', CASE WHEN g.cost_basis IS NOT NULL THEN g.currency END, 'money', m.money::text,
    'key', jsonb_build_array(v_incarnation, l.seq, l.leg))
  FROM unnest(v_page) WITH ORDINALITY AS l
  LEFT JOIN core.entry_money(CASE WHEN (p_filter ->> 'withMoney')::boolean THEN v_page END) AS m ON m.seq = l.seq AND m.leg = l.leg
  CROSS JOIN LATERAL (SELECT * FROM core.wallet AS w WHERE w.customer_id = l.customer_id AND w.wallet_no = l.from_wallet_no LIMIT 1) AS f
  CROSS JOIN LATERAL (SELECT * FROM core.wallet AS w WHERE w.customer_id = l.customer_id AND w.wallet_no = l.to_wallet_no LIMIT 1) AS t
  LEFT JOIN LATERAL (SELECT * FROM core.credit_grant AS g WHERE g.customer_id = l.customer_id AND g.grant_no = l.grant_no LIMIT 1) AS g ON true
  LEFT JOIN LATERAL (SELECT * FROM core.ledger_origin AS o WHERE o.customer_id = l.customer_id AND o.seq = l.seq LIMIT 1) AS o ON true
  LEFT JOIN LATERAL (SELECT * FROM core.change AS n WHERE n.customer_id = l.customer_id AND n.seq = l.seq LIMIT 1) AS n ON true
  LEFT JOIN LATERAL (SELECT * FROM core.usage_event AS u
                     WHERE u.customer_id = l.customer_id AND u.seq = l.seq AND u.recorded_at = l.recorded_at LIMIT 1) AS u ON true
  LEFT JOIN LATERAL (SELECT * FROM core.reservation_step AS s WHERE s.customer_id = l.customer_id AND s.seq = l.seq LIMIT 1) AS s ON true
  LEFT JOIN LATERAL (SELECT * FROM core.reservation AS r
                     WHERE r.customer_id = s.customer_id AND r.reservation_no = s.reservation_no LIMIT 1) AS r ON true
  LEFT JOIN LATERAL (SELECT * FROM core.entity AS a
                     WHERE a.customer_id = l.customer_id AND a.entity_no = (coalesce(u.path, r.path) ->> 0)::integer LIMIT 1) AS a ON true
  ORDER BY l.ordinality;
END
$$;
