-- What usage events say they cost is what their entries on the ledger moved, by credit type: out of grants and
-- overdrafts, and as a shortfall.
CREATE OR REPLACE FUNCTION core.verify_charges(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH said AS (
    SELECT u.customer_id, u.seq, u.recorded_at, c.is_short, c.credit_type, c.amount::numeric AS amount
    FROM core.usage_event AS u
    CROSS JOIN LATERAL (
      SELECT false, s.key, s.value FROM json_each_text(u.credits) AS s UNION ALL SELECT true, s.key, s.value FROM json_each_text(u.shortfall) AS s
    ) AS c (is_short, credit_type, amount)
    WHERE p_customers IS NULL OR u.customer_id = ANY (p_customers)
  ), moved AS (
    SELECT e.customer_id, e.seq, e.recorded_at, e.from_account = 'SHORTFALL' AS is_short, w.credit_type, sum(e.amount) AS amount
    FROM core.ledger_entry AS e
    JOIN core.wallet AS w ON w.customer_id = e.customer_id AND w.wallet_no = e.from_wallet_no
    WHERE e.kind IN ('CONSUME', 'SETTLE') AND (p_customers IS NULL OR e.customer_id = ANY (p_customers))
    GROUP BY e.customer_id, e.seq, e.recorded_at, e.from_account = 'SHORTFALL', w.credit_type
  ), compared AS (
    SELECT customer_id, CASE WHEN s.amount IS DISTINCT FROM m.amount THEN jsonb_build_object(
             'seq', seq, 'creditType', credit_type, 'isShortfall', is_short, 'event', trim_scale(s.amount)::text, 'ledger', trim_scale(m.amount)::text) END AS offender
    FROM said AS s FULL JOIN moved AS m USING (customer_id, seq, recorded_at, is_short, credit_type)
  )
  SELECT 'charges', NULL, count(*), NULL::jsonb FROM compared
  UNION ALL (SELECT 'charges', c.customer_id, NULL, c.offender FROM compared AS c WHERE c.offender IS NOT NULL LIMIT 20);
END
$$;
