-- The grant that a change names. Raises UC101 if there is none.
CREATE OR REPLACE FUNCTION core.grant_to_change(p_customer_id text, p_grant_id text) RETURNS core.credit_grant
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_grant core.credit_grant;
BEGIN
  -- A number of more digits is nobody's, nor is one that begins with a zero.
  IF p_grant_id ~ '^[1-9][0-9]{0,17}$' THEN
    SELECT * INTO v_grant FROM core.credit_grant WHERE customer_id = p_customer_id AND grant_no = p_grant_id::bigint;
  END IF;
  IF v_grant.grant_no IS NULL THEN
    PERFORM core.refuse_faults(core.fault('grantId', 'NOT_FOUND', format('there is no grant %s', p_grant_id)));
  END IF;
  RETURN v_grant;
END
$$;
