-- Reversals take back what they say, and never more than there was: their shares of an event add up to 1 at most, what they took of its
-- quantities and credits comes to that share of it, rounded down, and what their entries returned is what the last that paid for it had
-- paid.
CREATE OR REPLACE FUNCTION core.verify_reversals(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH told AS (
    SELECT r.*, sum(r.share) OVER (PARTITION BY r.customer_id, r.event_seq ORDER BY r.seq) AS upto
    FROM core.reversal AS r WHERE p_customers IS NULL OR r.customer_id = ANY (p_customers)
  ), event AS MATERIALIZED (
    SELECT t.customer_id, t.seq, t.first_seq, t.recorded_at, t.event_seq, t.upto - t.share AS before, t.upto AS after, t.quantities, t.credits, t.shortfall, u AS event
    FROM told AS t
    LEFT JOIN core.usage_event AS u ON u.customer_id = t.customer_id AND u.seq = t.event_seq AND u.recorded_at = t.event_recorded_at
  ), said AS (
    SELECT e.customer_id, e.seq, s.measure, s.amount::numeric AS amount
    FROM event AS e
    CROSS JOIN LATERAL (
      SELECT q.key, q.value FROM json_each_text(e.quantities) AS q
      UNION ALL SELECT '$' || c.key, c.value FROM json_each_text(e.credits) AS c
      UNION ALL SELECT '$' || f.key || ' short', f.value FROM json_each_text(e.shortfall) AS f
    ) AS s (measure, amount)
  ), due AS (
    SELECT e.customer_id, e.seq, a.measure, a.after - a.before AS amount
    FROM event AS e CROSS JOIN LATERAL core.reversed_amounts(e.event, e.before, e.after) AS a
    WHERE a.measure NOT LIKE '$%' AND a.after > a.before
    UNION ALL
    SELECT e.customer_id, e.seq, '$' || s.credit_type || CASE WHEN s.is_short THEN ' short' ELSE '' END, sum(s.amount)
    FROM event AS e CROSS JOIN LATERAL core.reversed_slices(e.event, e.before, e.after) AS s
    GROUP BY e.customer_id, e.seq, s.credit_type, s.is_short
  ), owned AS (
    -- Of which reversal each entry is, and whose credits it returned.
    SELECT l.customer_id, l.seq AS entry_seq, e.seq, l.from_wallet_no AS wallet_no, l.to_account = 'SHORTFALL' AS is_short,
           CASE WHEN l.grant_no = l.seq THEN g.from_grant_no ELSE l.grant_no END AS grant_no, l.amount
    FROM core.ledger_entry AS l
    LEFT JOIN event AS e ON e.customer_id = l.customer_id AND l.seq BETWEEN e.first_seq AND e.seq AND l.recorded_at = e.recorded_at
    LEFT JOIN core.credit_grant AS g ON g.customer_id = l.customer_id AND g.grant_no = l.grant_no
    WHERE l.kind = 'REVERSAL' AND (p_customers IS NULL OR l.customer_id = ANY (p_customers))
  ), slice AS (
    SELECT e.customer_id, e.seq, s.wallet_no, s.is_short, s.grant_no, s.amount
    FROM event AS e CROSS JOIN LATERAL core.reversed_slices(e.event, e.before, e.after) AS s
    UNION ALL
    SELECT o.customer_id, o.seq, o.wallet_no, o.is_short, o.grant_no, -o.amount FROM owned AS o
  ), wrong AS (
    SELECT e.customer_id, e.seq, jsonb_build_object('usageEventId', e.event_seq::text, 'isThere', e.event IS NOT NULL, 'reversed', trim_scale(e.after)::text) AS what
    FROM event AS e WHERE e.event IS NULL OR e.after > 1
    UNION ALL
    SELECT customer_id, seq, jsonb_build_object('of', measure, 'said', trim_scale(s.amount)::text, 'due', trim_scale(d.amount)::text)
    FROM said AS s FULL JOIN due AS d USING (customer_id, seq, measure) WHERE s.amount IS DISTINCT FROM d.amount
    UNION ALL
    SELECT s.customer_id, s.seq, jsonb_build_object('walletNo', s.wallet_no, 'grantId', s.grant_no::text, 'notReturned', trim_scale(sum(s.amount))::text)
    FROM slice AS s GROUP BY s.customer_id, s.seq, s.wallet_no, s.is_short, s.grant_no HAVING sum(s.amount) <> 0 OR s.seq IS NULL
  )
  SELECT 'reversals', NULL, count(*), NULL::jsonb FROM event
  UNION ALL (SELECT 'reversals', w.customer_id, NULL, w.what || jsonb_build_object('seq', w.seq) FROM wrong AS w LIMIT 20);
END
$$;
