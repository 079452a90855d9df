-- What has been spent of grants and not been taken back since, by the ledger: consumed, or paid for what their wallet owed.
--
--   p_grant_no  only this one; NULL is all
CREATE OR REPLACE FUNCTION core.grants_spent(p_customers text[], p_grant_no bigint)
RETURNS TABLE (customer_id text, grant_no bigint, spent numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT s.customer_id, s.grant_no, sum(s.amount)
  FROM (
    SELECT e.customer_id, e.grant_no, CASE WHEN e.to_account IN ('CONSUMED', 'OWED') THEN e.amount ELSE -e.amount END AS amount
    FROM core.ledger_entry AS e
    WHERE e.kind IN ('CONSUME', 'SETTLE', 'OVERDRAFT_REPAID') OR (e.kind = 'REVERSAL' AND e.grant_no <> e.seq)
    UNION ALL
    -- What was taken back and is a grant of its own.
    SELECT e.customer_id, g.from_grant_no, -e.amount
    FROM core.ledger_entry AS e
    JOIN core.credit_grant AS g ON g.customer_id = e.customer_id AND g.grant_no = e.grant_no
    WHERE e.kind = 'REVERSAL' AND e.grant_no = e.seq
  ) AS s
  WHERE s.grant_no IS NOT NULL AND (p_customers IS NULL OR s.customer_id = ANY (p_customers)) AND (p_grant_no IS NULL OR s.grant_no = p_grant_no)
  GROUP BY s.customer_id, s.grant_no;
END
$$;
