-- What a key of a grant keeps, with its wallet's id in place of the number it is kept with: the id can be erased.
CREATE OR REPLACE FUNCTION core.show_grant(p_customer_id text, p_answer jsonb) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN p_answer - 'walletNo' || jsonb_build_object('walletId', (
    SELECT wallet_id FROM core.wallet WHERE customer_id = p_customer_id AND wallet_no = (p_answer ->> 'walletNo')::integer));
END
$$;
