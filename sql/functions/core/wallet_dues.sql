-- What time has brought to wallets and is not booked yet: the change of each account, for those wallets alone.
-- Reading adds it, so that a balance is right the moment a grant takes effect or expires.
--
-- A grant that takes effect pays what its wallet owes first, in the order of effectiveness, and what is left
-- of it counts unless it has expired since. Most customers have nothing due, and cost one look at their gate.
CREATE OR REPLACE FUNCTION core.wallet_dues(p_customers text[])
RETURNS TABLE (customer_id text, wallet_no integer, scheduled numeric, available numeric, owed numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_due text[];
BEGIN
  SELECT array_agg(gate.customer_id) INTO v_due
  FROM core.gate
  WHERE gate.customer_id = ANY (p_customers) AND gate.next_due_at <= greatest(core.clock(), gate.last_at);
  IF v_due IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY
  WITH due AS (
    SELECT g.customer_id, g.wallet_no, g.is_scheduled, g.remaining, g.expires_at <= i.at AS has_expired,
           CASE WHEN g.is_scheduled THEN w.owed END AS owed,
           sum(CASE WHEN g.is_scheduled THEN g.remaining ELSE 0 END)
             OVER (PARTITION BY g.customer_id, g.wallet_no ORDER BY g.effective_at, g.grant_no) AS until_here
    FROM core.gate
    CROSS JOIN LATERAL (SELECT greatest(core.clock(), gate.last_at) AS at) AS i
    JOIN core.credit_grant AS g ON g.customer_id = gate.customer_id
      AND g.is_open AND (g.expires_at <= i.at OR (g.is_scheduled AND g.effective_at <= i.at))
    JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
    WHERE gate.customer_id = ANY (v_due)
  ), split AS (
    SELECT due.*, CASE WHEN is_scheduled
      THEN least(remaining, greatest(owed - (until_here - remaining), 0)) ELSE 0 END AS repaid
    FROM due
  )
  SELECT split.customer_id, split.wallet_no,
         -sum(CASE WHEN is_scheduled THEN remaining ELSE 0 END),
         sum(CASE WHEN NOT is_scheduled THEN -remaining WHEN has_expired THEN 0 ELSE remaining - repaid END),
         -sum(repaid)
  FROM split
  GROUP BY split.customer_id, split.wallet_no;
END
$$;
