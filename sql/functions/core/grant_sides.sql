-- The ledger read by grant: both sides of every entry of one, with what it did to the account, by seq. A transfer takes from the grant it
-- names, and issues the one that its seq numbers; what a hold or a reversal returns as an adjustment issues the grant it names.
CREATE OR REPLACE FUNCTION core.grant_sides(p_customers text[])
RETURNS TABLE (customer_id text, grant_no bigint, seq bigint, account core.account, delta numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT e.customer_id, s.grant_no, e.seq, s.account, s.delta
  FROM core.ledger_entry AS e
  CROSS JOIN LATERAL (SELECT CASE WHEN e.kind = 'TRANSFER' OR (e.kind IN ('RELEASE', 'REVERSAL') AND e.grant_no = e.seq) THEN e.seq END AS grant_no) AS made
  CROSS JOIN LATERAL (
    VALUES (nullif(e.grant_no, made.grant_no), e.from_account, -e.amount),
           (coalesce(made.grant_no, e.grant_no), e.to_account, e.amount),
           (made.grant_no, 'ISSUED'::core.account, -e.amount)
  ) AS s (grant_no, account, delta)
  WHERE s.grant_no IS NOT NULL AND (p_customers IS NULL OR e.customer_id = ANY (p_customers));
END
$$;
