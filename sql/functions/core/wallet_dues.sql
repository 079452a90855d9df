-- What time has brought to wallets and is not booked yet: the change of each account, for those wallets alone.
-- Reading adds it, so that a balance is right the moment a grant takes effect or expires.
--
-- A grant that takes effect pays what its wallet owes first (core.repaid_dues), and what is left of it counts unless it has expired since.
-- A hold that has expired gives back what it held, unless the grant has expired too or is void; what it held of an overdraft is no
-- longer owed. Most customers have nothing due, and cost one look at their gate.
CREATE OR REPLACE FUNCTION core.wallet_dues(p_customers text[])
RETURNS TABLE (customer_id text, wallet_no integer, scheduled numeric, available numeric, held numeric, owed numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_due text[];
  v_at timestamptz[];
BEGIN
  SELECT array_agg(g.customer_id), array_agg(i.at) INTO v_due, v_at
  FROM core.gate AS g
  CROSS JOIN LATERAL (SELECT greatest(core.clock(), g.last_at) AS at) AS i
  WHERE g.customer_id = ANY (p_customers) AND g.next_due_at <= i.at;
  IF v_due IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH paid AS (
    SELECT * FROM core.repaid_dues(v_due, v_at)
  ), moved AS (
    SELECT g.customer_id, g.wallet_no, CASE WHEN g.is_scheduled THEN -g.remaining ELSE 0 END AS scheduled,
           CASE WHEN NOT g.is_scheduled THEN -g.remaining WHEN g.expires_at <= c.at THEN 0 ELSE g.remaining - coalesce(p.repaid, 0) END AS available,
           0::numeric AS held, -coalesce(p.repaid, 0) AS owed
    FROM unnest(v_due, v_at) AS c (id, at)
    JOIN core.credit_grant AS g ON g.customer_id = c.id AND g.is_open AND (g.expires_at <= c.at OR (g.is_scheduled AND g.effective_at <= c.at))
    LEFT JOIN paid AS p ON p.customer_id = g.customer_id AND p.grant_no = g.grant_no
    UNION ALL
    SELECT r.customer_id, g.wallet_no, 0, CASE WHEN g.expires_at > c.at AND g.voided_at IS NULL THEN s.rest ELSE 0 END, -s.rest, 0
    FROM unnest(v_due, v_at) AS c (id, at)
    JOIN core.reservation AS r ON r.customer_id = c.id AND r.state = 'HELD' AND r.expires_at <= c.at
    CROSS JOIN LATERAL (SELECT (e ->> 1)::bigint AS grant_no, (e ->> 2)::numeric - coalesce((e ->> 3)::numeric, 0) AS rest
                        FROM json_array_elements(r.slices) AS e) AS s
    JOIN core.credit_grant AS g ON g.customer_id = r.customer_id AND g.grant_no = s.grant_no
    UNION ALL
    SELECT p.customer_id, p.wallet_no, 0, p.amount - p.repaid, -p.amount, -p.repaid FROM paid AS p WHERE p.reservation_no IS NOT NULL
  )
  SELECT m.customer_id, m.wallet_no, sum(m.scheduled), sum(m.available), sum(m.held), sum(m.owed)
  FROM moved AS m
  GROUP BY m.customer_id, m.wallet_no;
END
$$;
