-- What time has brought to wallets and is not booked yet: the change of each account, for those wallets alone.
-- Reading adds it, so that a balance is right the moment a grant takes effect or expires.
--
-- A grant that takes effect pays what its wallet owes first, in the order of effectiveness, and what is left
-- of it counts unless it has expired since. A hold that has expired gives back what it held, unless the grant has expired too or is void; what it held of
-- an overdraft is no longer owed. Most customers have nothing due, and cost one look at their gate.
CREATE OR REPLACE FUNCTION core.wallet_dues(p_customers text[])
RETURNS TABLE (customer_id text, wallet_no integer, scheduled numeric, available numeric, held numeric, owed numeric)
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
  ), granted AS (
    SELECT split.customer_id, split.wallet_no, -sum(CASE WHEN is_scheduled THEN remaining ELSE 0 END) AS scheduled,
           sum(CASE WHEN NOT is_scheduled THEN -remaining WHEN has_expired THEN 0 ELSE remaining - repaid END) AS available, -sum(repaid) AS owed
    FROM split
    GROUP BY split.customer_id, split.wallet_no
  ), returned AS (
    SELECT r.customer_id, (s.s ->> 0)::integer AS wallet_no, sum(s.rest) AS held, sum(CASE WHEN g.expires_at > i.at AND g.voided_at IS NULL THEN s.rest ELSE 0 END) AS available,
           sum(CASE WHEN s.s ->> 1 IS NULL THEN s.rest ELSE 0 END) AS drawn
    FROM core.gate
    CROSS JOIN LATERAL (SELECT greatest(core.clock(), gate.last_at) AS at) AS i
    JOIN core.reservation AS r ON r.customer_id = gate.customer_id AND r.state = 'HELD' AND r.expires_at <= i.at
    CROSS JOIN LATERAL (SELECT e AS s, (e ->> 2)::numeric - coalesce((e ->> 3)::numeric, 0) AS rest FROM json_array_elements(r.slices) AS e) AS s
    LEFT JOIN core.credit_grant AS g ON g.customer_id = r.customer_id AND g.grant_no = (s.s ->> 1)::bigint
    WHERE gate.customer_id = ANY (v_due)
    GROUP BY r.customer_id, (s.s ->> 0)::integer
  )
  SELECT w.customer_id, w.wallet_no, coalesce(g.scheduled, 0),
         coalesce(g.available, 0) + coalesce(r.available, 0) + greatest(coalesce(r.drawn, 0) - w.owed - coalesce(g.owed, 0), 0),
         -coalesce(r.held, 0), coalesce(g.owed, 0) - least(coalesce(r.drawn, 0), w.owed + coalesce(g.owed, 0))
  FROM core.wallet AS w
  LEFT JOIN granted AS g ON g.customer_id = w.customer_id AND g.wallet_no = w.wallet_no
  LEFT JOIN returned AS r ON r.customer_id = w.customer_id AND r.wallet_no = w.wallet_no
  WHERE w.customer_id = ANY (v_due) AND (g.wallet_no IS NOT NULL OR r.wallet_no IS NOT NULL);
END
$$;
