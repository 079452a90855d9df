-- What the customer's own wallet of a credit type is called when what is recorded, or settled, makes it: after the customer and the type, and a
-- plus more wherever another wallet is called just that. What has happened is never refused for a name.
CREATE OR REPLACE FUNCTION core.own_wallet_id(p_customer_id text, p_credit_type text) RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_id text := 'customer:' || p_credit_type;
BEGIN
  WHILE EXISTS (SELECT FROM core.wallet WHERE customer_id = p_customer_id AND wallet_id = v_id) LOOP
    v_id := v_id || '+';
  END LOOP;
  RETURN v_id;
END
$$;
