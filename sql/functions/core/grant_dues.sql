-- What is left and held of the grants of a customer that time has changed by an instant, where that is not booked yet. One that takes
-- effect pays what its wallet owes first, in the order of their effectiveness; what an expired hold has of one comes back, unless it is
-- void, and what it has of an overdraft is no longer owed. None, mostly: whoever has nothing due costs one look at the gate.
CREATE OR REPLACE FUNCTION core.grant_dues(p_customer_id text, p_at timestamptz) RETURNS TABLE (grant_no bigint, remaining numeric, held numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  IF NOT EXISTS (SELECT FROM core.gate AS k WHERE k.customer_id = p_customer_id AND k.next_due_at <= p_at) THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH returned AS (
    SELECT r.expires_at, (s ->> 0)::integer AS wallet_no, (s ->> 1)::bigint AS grant_no, (s ->> 2)::numeric - coalesce((s ->> 3)::numeric, 0) AS rest
    FROM core.reservation AS r
    CROSS JOIN LATERAL json_array_elements(r.slices) AS s
    WHERE r.customer_id = p_customer_id AND r.state = 'HELD' AND r.expires_at <= p_at
  ), begun AS (
    SELECT g.grant_no, least(g.remaining, greatest(
             w.owed - (sum(g.remaining) OVER (PARTITION BY g.wallet_no ORDER BY g.effective_at, g.grant_no) - g.remaining)
             - coalesce((SELECT sum(r.rest) FROM returned AS r WHERE r.wallet_no = g.wallet_no AND r.grant_no IS NULL AND r.expires_at <= g.effective_at), 0), 0)) AS repaid
    FROM core.credit_grant AS g
    JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
    WHERE g.customer_id = p_customer_id AND g.is_open AND g.is_scheduled AND g.effective_at <= p_at
  ), due AS (
    SELECT b.grant_no, b.repaid, 0::numeric AS rest FROM begun AS b
    UNION ALL SELECT r.grant_no, 0, r.rest FROM returned AS r WHERE r.grant_no IS NOT NULL
  )
  SELECT g.grant_no, g.remaining - sum(d.repaid) + CASE WHEN g.voided_at IS NULL THEN sum(d.rest) ELSE 0 END, g.held - sum(d.rest)
  FROM due AS d
  JOIN core.credit_grant AS g ON g.customer_id = p_customer_id AND g.grant_no = d.grant_no
  GROUP BY g.customer_id, g.grant_no;
END
$$;
