-- core.grant_dues for the views of report: what a view calls runs with the rights of whoever reads it.
CREATE OR REPLACE FUNCTION core.report_grant_dues(p_customer_id text, p_at timestamptz) RETURNS TABLE (grant_no bigint, remaining numeric, held numeric)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT d.grant_no, d.remaining, d.held FROM core.grant_dues(p_customer_id, p_at) AS d;
END
$$;
