-- The money at cost basis of some entries of one customer, by the rule of report.ledger: what a movement makes a difference to
-- what has gone of its grant, rounded to the currency's smallest unit. Entries of grants without a cost basis are not in it.
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
  v_grants bigint[];
  v_low bigint;
  v_high bigint;
  v_from_at timestamptz;
  v_to_at timestamptz;
  v_month date;
  v_opened_seq bigint := 0;
  v_opened_at timestamptz := '-infinity';
  v_from_now boolean;
BEGIN
  SELECT array_agg(DISTINCT e.grant_no), min(e.seq), max(e.seq), min(e.recorded_at), max(e.recorded_at) INTO v_grants, v_low, v_high, v_from_at, v_to_at
  FROM unnest(p_entries) AS e
  CROSS JOIN LATERAL (SELECT FROM core.credit_grant AS g
                      WHERE g.customer_id = v_customer_id AND g.grant_no = e.grant_no AND g.cost_basis IS NOT NULL LIMIT 1) AS g;
  IF v_grants IS NULL THEN
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
  WITH moved AS (
    SELECT m.*, sum(m.goes) OVER (PARTITION BY m.grant_no ORDER BY m.seq, m.leg) AS so_far, sum(m.goes) OVER (PARTITION BY m.grant_no) AS in_all
    FROM (
      SELECT e.seq, e.leg, e.grant_no, e.kind, e.from_account, e.amount,
        CASE
          WHEN e.from_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN
            CASE WHEN e.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') AND e.from_wallet_no = e.to_wallet_no THEN 0 ELSE e.amount END
          WHEN e.kind = 'REVERSAL' AND e.grant_no = e.seq THEN 0
          WHEN e.from_account <> 'ISSUED' AND e.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN -e.amount
          ELSE 0
        END AS goes
      FROM core.ledger_entry AS e
      WHERE e.customer_id = v_customer_id AND e.seq >= v_low AND (v_high IS NULL OR e.seq <= v_high)
        AND e.recorded_at >= v_from_at AND e.recorded_at <= v_to_at AND e.grant_no = ANY (v_grants)
    ) AS m
  )
  SELECT m.seq, m.leg,
    CASE
      -- What was recognised of the grant until its payment was taken back; what is settled after that follows its own money.
      WHEN m.kind = 'CHARGEBACK' AND m.leg = 1 THEN core.recognised_money(v_customer_id, m.grant_no, m.seq)
      WHEN m.from_account = 'ISSUED' OR (m.kind = 'REVERSAL' AND m.grant_no = m.seq) THEN round(g.cost_basis * m.amount, g.digits)
      ELSE abs(round(g.cost_basis * (g.gone_before + m.so_far), g.digits) - round(g.cost_basis * (g.gone_before + m.so_far
        - CASE WHEN m.from_account IN ('CONSUMED', 'RECEIVABLE') AND m.goes = 0 THEN m.amount ELSE m.goes END), g.digits))
    END
  FROM moved AS m
  JOIN unnest(p_entries) AS p ON p.seq = m.seq AND p.leg = m.leg
  CROSS JOIN LATERAL (
    SELECT g.cost_basis, coalesce(c.decimals, 2) AS digits, coalesce(g.lot_offset, 0) + CASE
      WHEN v_from_now THEN g.amount - g.remaining - g.held - m.in_all
      -- What an opening says nothing of was made after it, or was gone already.
      ELSE coalesce(o.gone, CASE WHEN g.created_at >= v_opened_at THEN 0 ELSE g.amount END) END AS gone_before
    FROM core.credit_grant AS g
    LEFT JOIN report.currencies AS c ON c.currency = g.currency
    LEFT JOIN core.opening_grant AS o ON o.customer_id = g.customer_id AND o.month = v_month AND o.grant_no = g.grant_no
    WHERE g.customer_id = v_customer_id AND g.grant_no = m.grant_no
    LIMIT 1
  ) AS g;
END
$$;
