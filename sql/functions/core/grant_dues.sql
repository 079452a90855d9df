-- What is left of the grants of a customer that have taken effect by an instant and are not booked yet: each pays what its
-- wallet owes first, in the order of their effectiveness. None, mostly: whoever has nothing due costs one look at the gate.
CREATE OR REPLACE FUNCTION core.grant_dues(p_customer_id text, p_at timestamptz) RETURNS TABLE (grant_no bigint, remaining numeric)
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
  SELECT d.grant_no, d.remaining - least(d.remaining, greatest(d.owed - d.before, 0))
  FROM (
    SELECT g.grant_no, g.remaining, w.owed, sum(g.remaining) OVER (PARTITION BY g.wallet_no ORDER BY g.effective_at, g.grant_no) - g.remaining AS before
    FROM core.credit_grant AS g
    JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
    WHERE g.customer_id = p_customer_id AND g.is_open AND g.is_scheduled AND g.effective_at <= p_at
  ) AS d;
END
$$;
