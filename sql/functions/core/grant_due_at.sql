-- When time alone changes a grant next, as it is stored: infinity for one of which nothing is left.
CREATE OR REPLACE FUNCTION core.grant_due_at(p_grant core.credit_grant) RETURNS timestamptz
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN CASE
    WHEN p_grant.remaining = 0 THEN 'infinity'
    WHEN p_grant.is_scheduled THEN p_grant.effective_at
    ELSE p_grant.expires_at END;
END
$$;
