-- A fault, whose code is its status, where nothing of a grant is left that could be changed at that instant.
CREATE OR REPLACE FUNCTION core.ended_grant_faults(p_grant core.credit_grant, p_at timestamptz) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_status CONSTANT text := core.grant_status(p_grant, p_grant.remaining, p_grant.held, p_at);
BEGIN
  RETURN CASE v_status
    WHEN 'VOIDED' THEN core.fault('grantId', v_status, format('grant %s was voided', p_grant.grant_no))
    WHEN 'EXPIRED' THEN core.fault('grantId', v_status, format('grant %s has expired', p_grant.grant_no))
    WHEN 'EXHAUSTED' THEN core.fault('grantId', v_status, format('nothing is left of grant %s', p_grant.grant_no))
    ELSE '[]' END;
END
$$;
