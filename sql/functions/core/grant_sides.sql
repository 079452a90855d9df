-- The ledger read by grant: both sides of every entry of one, with what it did to the account. A transfer takes from the grant it
-- names, and issues the one that its seq numbers.
CREATE OR REPLACE FUNCTION core.grant_sides(p_customers text[])
RETURNS TABLE (customer_id text, grant_no bigint, account core.account, delta numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT e.customer_id, s.grant_no, s.account, s.delta
  FROM core.ledger_entry AS e
  CROSS JOIN LATERAL (
    VALUES (e.grant_no, e.from_account, -e.amount),
           (CASE WHEN e.kind = 'TRANSFER' THEN e.seq ELSE e.grant_no END, e.to_account, e.amount),
           (CASE WHEN e.kind = 'TRANSFER' THEN e.seq END, 'ISSUED'::core.account, -e.amount)
  ) AS s (grant_no, account, delta)
  WHERE s.grant_no IS NOT NULL AND (p_customers IS NULL OR e.customer_id = ANY (p_customers));
END
$$;
