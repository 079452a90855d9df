-- What holds that have expired at an instant still hold of a customer's counters, because nobody has booked their end: reading leaves it
-- out, so that a budget is right the moment a hold expires.
CREATE OR REPLACE FUNCTION core.counter_dues(p_customer_id text, p_at timestamptz)
RETURNS TABLE (counter_no integer, held numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT k.counter_no, sum(k.rest)
  FROM core.reservation AS r
  CROSS JOIN LATERAL core.reservation_rests(r) AS k
  JOIN core.counter AS c ON c.customer_id = r.customer_id AND c.counter_no = k.counter_no
    AND extract(epoch FROM nullif(c.window_start, '-infinity')) IS NOT DISTINCT FROM k.window_epoch
  WHERE r.customer_id = p_customer_id AND r.state = 'HELD' AND r.expires_at <= p_at
  GROUP BY k.counter_no;
END
$$;
