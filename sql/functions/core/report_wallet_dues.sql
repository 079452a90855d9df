-- core.wallet_dues of one customer for the views of report: what a view calls runs with the rights of whoever reads it.
CREATE OR REPLACE FUNCTION core.report_wallet_dues(p_customer_id text)
RETURNS TABLE (wallet_no integer, scheduled numeric, available numeric, held numeric, owed numeric)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT d.wallet_no, d.scheduled, d.available, d.held, d.owed FROM core.wallet_dues(ARRAY[p_customer_id]) AS d;
END
$$;
