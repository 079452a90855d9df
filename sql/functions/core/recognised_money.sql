-- The money at cost basis that is recognised as revenue of a grant before an operation: that of all that was spent of it (consumed,
-- or paid for what its wallet owed), less that of what was taken back since, into adjustments too. Each by the rule of report.ledger.
-- NULL without a cost basis, and if nothing was spent.
--
-- A chargeback makes a receivable of just this. It walks all entries of the grant; chargebacks are few. A definer, since
-- report.ledger calls it with the rights of whoever reads.
CREATE OR REPLACE FUNCTION core.recognised_money(p_customer_id text, p_grant_no bigint, p_before bigint) RETURNS numeric
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_grant core.credit_grant;
  v_digits integer;
BEGIN
  SELECT * INTO v_grant FROM core.credit_grant WHERE customer_id = p_customer_id AND grant_no = p_grant_no;
  v_digits := coalesce((SELECT decimals FROM report.currencies WHERE currency = v_grant.currency), 2);
  RETURN (
    SELECT sum(s.money)
    FROM (
      SELECT CASE
        WHEN m.to_account IN ('CONSUMED', 'OWED') THEN
          round(v_grant.cost_basis * m.gone, v_digits) - round(v_grant.cost_basis * (m.gone - m.amount), v_digits)
        -- What was taken back is a part of the lot again; or it stays gone, and has the money of the last units that went.
        WHEN m.goes < 0 THEN round(v_grant.cost_basis * m.gone, v_digits) - round(v_grant.cost_basis * (m.gone + m.amount), v_digits)
        ELSE round(v_grant.cost_basis * (m.gone - m.amount), v_digits) - round(v_grant.cost_basis * m.gone, v_digits) END AS money
      FROM (
        SELECT e.from_account, e.to_account, e.amount, g.goes, coalesce(v_grant.lot_offset, 0) + sum(g.goes) OVER (ORDER BY e.seq, e.leg) AS gone
        FROM core.ledger_entry AS e
        CROSS JOIN LATERAL (SELECT CASE
          WHEN e.from_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN
            CASE WHEN e.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') AND e.from_wallet_no = e.to_wallet_no THEN 0 ELSE e.amount END
          WHEN e.kind = 'REVERSAL' AND e.grant_no = e.seq THEN 0
          WHEN e.from_account <> 'ISSUED' AND e.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') THEN -e.amount
          ELSE 0 END AS goes) AS g
        -- A grant has the number of the operation that made it.
        WHERE e.customer_id = p_customer_id AND e.grant_no = p_grant_no AND e.seq >= p_grant_no AND e.seq < p_before
      ) AS m
      -- An adjustment begins with what had been consumed of another grant, and not of itself.
      WHERE m.to_account IN ('CONSUMED', 'OWED') OR (m.from_account = 'CONSUMED' AND (m.goes < 0 OR m.to_account <> 'AVAILABLE'))
      UNION ALL
      SELECT -round(v_grant.cost_basis * a.amount, v_digits)
      FROM core.credit_grant AS a
      JOIN core.ledger_entry AS e ON e.customer_id = a.customer_id AND e.seq = a.grant_no AND e.grant_no = a.grant_no AND e.kind = 'REVERSAL'
      WHERE a.customer_id = p_customer_id AND a.from_grant_no = p_grant_no AND a.grant_no < p_before
    ) AS s);
END
$$;
