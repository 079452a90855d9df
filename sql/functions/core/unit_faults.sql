-- A fault where an amount of a credit type is no multiple of its smallest unit; none for what is no amount, or
-- of no known credit type, since that is told already.
CREATE OR REPLACE FUNCTION core.unit_faults(p_amount text, p_credit_type text, p_field text) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_decimals smallint := (SELECT decimals FROM core.credit_type WHERE credit_type = p_credit_type);
BEGIN
  IF p_amount ~ '^[0-9]{1,29}([.][0-9]{1,9})?$' AND scale(trim_scale(p_amount::numeric)) > v_decimals THEN
    RETURN core.fault(p_field, 'TOO_MANY_DECIMALS', format('%s has %s decimals', p_credit_type, v_decimals));
  END IF;
  RETURN '[]';
END
$$;
