-- What pays the debts of wallets because time has come, and is not booked yet: grants that have taken effect, and holds that have expired,
-- by what they hold of an overdraft. Each pays what those due before it have left, in the order in which all are booked.
--
--   p_customers, p_at  whose, and until when for each
--
-- A row per grant or reservation and wallet: when it was due, what it brings, and what of that is repaid; the rest of a grant is there to
-- burn, and the rest of a hold becomes an adjustment.
CREATE OR REPLACE FUNCTION core.repaid_dues(p_customers text[], p_at timestamptz[])
RETURNS TABLE (customer_id text, wallet_no integer, due_at timestamptz, grant_no bigint, reservation_no bigint, amount numeric, repaid numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH payer AS (
    SELECT r.customer_id, (s ->> 0)::integer AS wallet_no, r.expires_at AS due_at, NULL::bigint AS grant_no, r.reservation_no,
           (s ->> 2)::numeric - coalesce((s ->> 3)::numeric, 0) AS amount
    FROM unnest(p_customers, p_at) AS c (id, at)
    JOIN core.reservation AS r ON r.customer_id = c.id AND r.state = 'HELD' AND r.expires_at <= c.at
    CROSS JOIN LATERAL json_array_elements(r.slices) AS s
    WHERE s ->> 1 IS NULL
    UNION ALL
    SELECT g.customer_id, g.wallet_no, g.effective_at, g.grant_no, NULL, g.remaining
    FROM unnest(p_customers, p_at) AS c (id, at)
    JOIN core.credit_grant AS g ON g.customer_id = c.id AND g.is_open AND g.is_scheduled AND g.effective_at <= c.at
  )
  SELECT p.customer_id, p.wallet_no, p.due_at, p.grant_no, p.reservation_no, p.amount,
         least(p.amount, greatest(w.owed - coalesce(sum(p.amount) OVER earlier, 0), 0))
  FROM payer AS p
  JOIN core.wallet AS w ON w.customer_id = p.customer_id AND w.wallet_no = p.wallet_no
  WHERE p.amount > 0
  WINDOW earlier AS (PARTITION BY p.customer_id, p.wallet_no ORDER BY p.due_at, p.reservation_no, p.grant_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING);
END
$$;
