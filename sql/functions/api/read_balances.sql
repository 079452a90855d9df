-- Version and wallets of some customers, of one snapshot: what a live balance shows. Unknown customers are
-- left out; of a customer with more than a thousand wallets the oldest thousand are shown.
--
-- nextDueAt is when time alone changes it next; absent if never.
CREATE OR REPLACE FUNCTION api.read_balances(p_customers text[]) RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_most CONSTANT integer := 1000;
  v_incarnation integer := (SELECT incarnation FROM core.installation);
BEGIN
  RETURN QUERY
  SELECT jsonb_strip_nulls(jsonb_build_object(
    'customerId', gate.customer_id, 'incarnation', v_incarnation, 'seq', gate.seq::text, 'asOf', i.at,
    'nextDueAt', least((
      SELECT min(CASE WHEN g.is_scheduled AND g.effective_at > i.at THEN g.effective_at ELSE g.expires_at END)
      FROM core.credit_grant AS g
      WHERE g.customer_id = gate.customer_id AND g.is_open
        AND (g.effective_at > i.at OR (g.expires_at > i.at AND g.expires_at < 'infinity'))
    ), (
      SELECT min(r.expires_at) FROM core.reservation AS r WHERE r.customer_id = gate.customer_id AND r.state = 'HELD' AND r.expires_at > i.at
    ))))
    || jsonb_build_object('wallets', coalesce(held.wallets, '[]'))
  FROM core.gate
  CROSS JOIN LATERAL (SELECT greatest(core.clock(), gate.last_at) AS at) AS i
  LEFT JOIN (
    SELECT w.customer_id, jsonb_agg(
             core.wallet_json(w.wallet, (w.wallet).scheduled + coalesce(d.scheduled, 0),
                              (w.wallet).available + coalesce(d.available, 0), (w.wallet).held + coalesce(d.held, 0), (w.wallet).owed + coalesce(d.owed, 0),
                              e.entity_id, t.decimals, t.display_decimals) ORDER BY w.wallet_no) AS wallets
    FROM (
      SELECT wallet.customer_id, wallet.wallet_no, wallet,
             row_number() OVER (PARTITION BY wallet.customer_id ORDER BY wallet.wallet_no) AS place
      FROM core.wallet
      WHERE wallet.customer_id = ANY (p_customers)
    ) AS w
    JOIN core.entity AS e ON e.customer_id = w.customer_id AND e.entity_no = (w.wallet).entity_no
    JOIN core.credit_type AS t ON t.credit_type = (w.wallet).credit_type
    LEFT JOIN core.wallet_dues(p_customers) AS d ON d.customer_id = w.customer_id AND d.wallet_no = w.wallet_no
    WHERE w.place <= c_most
    GROUP BY w.customer_id
  ) AS held ON held.customer_id = gate.customer_id
  WHERE gate.customer_id = ANY (p_customers);
END
$$;
