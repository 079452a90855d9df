-- What is left and held of the grants of a customer that time has changed by an instant, where that is not booked yet. One that takes
-- effect pays what its wallet owes first (core.repaid_dues); what an expired hold has of one comes back, unless it is void. None, mostly:
-- whoever has nothing due costs one look at the gate.
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
  WITH due AS (
    SELECT p.grant_no, p.repaid, 0::numeric AS rest
    FROM core.repaid_dues(ARRAY[p_customer_id], ARRAY[p_at]) AS p
    WHERE p.grant_no IS NOT NULL
    UNION ALL
    SELECT (s ->> 1)::bigint, 0, (s ->> 2)::numeric - coalesce((s ->> 3)::numeric, 0)
    FROM core.reservation AS r
    CROSS JOIN LATERAL json_array_elements(r.slices) AS s
    WHERE r.customer_id = p_customer_id AND r.state = 'HELD' AND r.expires_at <= p_at AND s ->> 1 IS NOT NULL
  )
  SELECT g.grant_no, g.remaining - sum(d.repaid) + CASE WHEN g.voided_at IS NULL THEN sum(d.rest) ELSE 0 END, g.held - sum(d.rest)
  FROM due AS d
  JOIN core.credit_grant AS g ON g.customer_id = p_customer_id AND g.grant_no = d.grant_no
  GROUP BY g.customer_id, g.grant_no;
END
$$;
