-- The grants that were made of one, by transfers and as adjustments of what had been spent of it, and of those in turn, in the order of
-- their making. All that its payment paid for is in it or in these.
CREATE OR REPLACE FUNCTION core.grant_parts(p_customer_id text, p_grant_no bigint) RETURNS SETOF core.credit_grant
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  WITH RECURSIVE part AS (
    SELECT g.* FROM core.credit_grant AS g WHERE g.customer_id = p_customer_id AND g.from_grant_no = p_grant_no
    UNION ALL
    SELECT g.* FROM part AS p JOIN core.credit_grant AS g ON g.customer_id = p.customer_id AND g.from_grant_no = p.grant_no
  )
  SELECT * FROM part AS p ORDER BY p.grant_no;
END
$$;
