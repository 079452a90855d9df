-- The money at cost basis of some entries of one customer, by the rule of report.ledger, which tells it. Entries of grants without a cost basis are not in it.
--
-- How much has gone of a grant is known where a month was opened and as it stands now. Whichever end is nearer to the entries
-- is begun from, so that the newest page of a history reads little more than itself.
CREATE OR REPLACE FUNCTION core.entry_money(p_entries core.ledger_entry[])
RETURNS TABLE (seq bigint, leg smallint, money numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_customer_id text := p_entries[1].customer_id;
  v_lots bigint[];
  v_low bigint;
  v_high bigint;
  v_from_at timestamptz;
  v_to_at timestamptz;
  v_month date;
  v_opened_seq bigint := 0;
  v_opened_at timestamptz := '-infinity';
  v_from_now boolean;
BEGIN
  SELECT array_agg(DISTINCT CASE WHEN e.kind = 'REVERSAL' AND e.grant_no = e.seq THEN g.from_grant_no ELSE e.grant_no END),
         min(e.seq), max(e.seq), min(e.recorded_at), max(e.recorded_at)
  INTO v_lots, v_low, v_high, v_from_at, v_to_at
  FROM unnest(p_entries) AS e
  CROSS JOIN LATERAL (SELECT g.from_grant_no FROM core.credit_grant AS g
                      WHERE g.customer_id = v_customer_id AND g.grant_no = e.grant_no AND g.cost_basis IS NOT NULL LIMIT 1) AS g;
  IF v_lots IS NULL THEN
    RETURN;
  END IF;
  SELECT m.month, m.last_seq, m.month::timestamp AT TIME ZONE 'UTC' INTO v_month, v_opened_seq, v_opened_at
  FROM core.customer_month AS m WHERE m.customer_id = v_customer_id AND m.last_seq < v_low ORDER BY m.month DESC LIMIT 1;
  IF NOT FOUND THEN
    v_opened_seq := 0;
    v_opened_at := '-infinity';
  END IF;
  v_from_now := (SELECT g.seq FROM core.gate AS g WHERE g.customer_id = v_customer_id) - v_low < v_high - v_opened_seq;
  IF v_from_now THEN
    v_high := NULL;
    v_to_at := 'infinity';
  ELSE
    v_low := v_opened_seq + 1;
    v_from_at := v_opened_at;
  END IF;

  RETURN QUERY
  WITH moved AS MATERIALIZED (
    SELECT e.seq, e.leg, e.lot, e.grant_no, e.from_account, e.amount, e.goes, e.apart, e.returned, e.stays, e.adjusts,
           sum(e.goes) OVER w AS gone, sum(e.goes) OVER (PARTITION BY e.lot) AS in_all, sum(e.apart) OVER w AS apart_after, sum(e.returned) OVER w AS returned_after
    FROM core.entry_effect AS e
    WHERE e.customer_id = v_customer_id AND e.seq >= v_low AND (v_high IS NULL OR e.seq <= v_high)
      AND e.recorded_at >= v_from_at AND e.recorded_at <= v_to_at AND e.lot = ANY (v_lots)
    WINDOW w AS (PARTITION BY e.lot ORDER BY e.seq, e.leg)
  ), lots AS MATERIALIZED (
    -- As they stood before.
    SELECT g.grant_no, g.amount, b.apart, b.returned, CASE
      WHEN v_from_now THEN g.amount - g.remaining - g.held - m.in_all
      -- What an opening says nothing of was made after it, or was gone already.
      ELSE coalesce(o.gone, CASE WHEN g.created_at >= v_opened_at THEN 0 ELSE g.amount END) END AS gone
    FROM (SELECT DISTINCT lot, in_all FROM moved) AS m
    JOIN core.credit_grant AS g ON g.customer_id = v_customer_id AND g.grant_no = m.lot
    LEFT JOIN core.opening_grant AS o ON o.customer_id = g.customer_id AND o.month = v_month AND o.grant_no = g.grant_no
    CROSS JOIN LATERAL core.lot_ends(v_customer_id, g.grant_no, v_low, v_from_at) AS b
  )
  SELECT m.seq, m.leg, round(g.cost_basis * t.upto, g.digits) - round(g.cost_basis * (t.upto - CASE WHEN m.stays THEN 0 ELSE m.amount END), g.digits)
  FROM moved AS m
  JOIN unnest(p_entries) AS p ON p.seq = m.seq AND p.leg = m.leg
  LEFT JOIN lots AS l ON l.grant_no = m.lot
  CROSS JOIN LATERAL (
    SELECT g.cost_basis, coalesce(c.decimals, 2) AS digits, coalesce(g.lot_offset, 0) AS lot_offset
    FROM core.credit_grant AS g
    LEFT JOIN report.currencies AS c ON c.currency = g.currency
    WHERE g.customer_id = v_customer_id AND g.grant_no = m.grant_no
    LIMIT 1
  ) AS g
  CROSS JOIN LATERAL (
    SELECT g.lot_offset + CASE
      WHEN m.from_account = 'ISSUED' OR m.adjusts THEN m.amount
      WHEN m.apart > 0 THEN l.amount - l.apart - m.apart_after + m.amount
      WHEN m.returned > 0 THEN l.returned + m.returned_after
      ELSE l.gone + m.gone - l.apart - m.apart_after - least(m.goes, 0) END AS upto
  ) AS t;
END
$$;
