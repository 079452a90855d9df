-- What a reversal takes back of each entry that paid for a usage event, the last one first: of each credit type, those from the end
-- of which as much has been taken as all reversals before it and with it come to.
--
--   p_before, p_after  the shares that all reversals add up to
CREATE OR REPLACE FUNCTION core.reversed_slices(p_event core.usage_event, p_before numeric, p_after numeric)
RETURNS TABLE (leg smallint, wallet_no integer, credit_type text, is_short boolean, grant_no bigint, amount numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT s.leg, s.wallet_no, s.credit_type, s.is_short, s.grant_no, s.amount
  FROM (
    SELECT e.leg, e.wallet_no, e.credit_type, e.is_short, e.grant_no, least(a.after, e.upto) - greatest(a.before, e.upto - e.amount) AS amount
    FROM (
      SELECT l.leg, l.from_wallet_no AS wallet_no, w.credit_type, l.from_account = 'SHORTFALL' AS is_short, l.grant_no, l.amount,
             sum(l.amount) OVER (PARTITION BY w.credit_type ORDER BY l.leg DESC) AS upto
      FROM core.ledger_entry AS l
      JOIN core.wallet AS w ON w.customer_id = l.customer_id AND w.wallet_no = l.from_wallet_no
      WHERE l.customer_id = p_event.customer_id AND l.seq = p_event.seq AND l.recorded_at = p_event.recorded_at AND l.to_account = 'CONSUMED'
    ) AS e
    JOIN core.reversed_amounts(p_event, p_before, p_after) AS a ON a.measure = '$' || e.credit_type
  ) AS s
  WHERE s.amount > 0
  ORDER BY s.leg DESC;
END
$$;
