-- Raises UC100 unless a JSON value is an amount: plain notation, at most 29 digits before and 9 after the
-- point, not negative. Exponents, NaN and the like are refused before any cast, since Postgres would accept
-- or round them silently.
CREATE OR REPLACE FUNCTION core.refuse_amount(p_amount jsonb, p_i integer, p_field text) RETURNS void
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_text text := p_amount #>> '{}';
BEGIN
  IF v_text IS NULL THEN
    PERFORM core.refuse(p_i, p_field, 'REQUIRED', 'is needed');
  ELSIF jsonb_typeof(p_amount) NOT IN ('string', 'number') THEN
    PERFORM core.refuse(p_i, p_field, 'WRONG_TYPE', 'must be a number in a string');
  ELSIF v_text ~ '^-[0-9.]+$' THEN
    PERFORM core.refuse(p_i, p_field, 'NEGATIVE', 'must not be negative');
  ELSIF v_text !~ '^[0-9]+([.][0-9]+)?$' THEN
    PERFORM core.refuse(p_i, p_field, 'NOT_A_NUMBER', 'must be digits with at most one point: no exponent, sign, NaN or Infinity');
  ELSIF v_text !~ '^[0-9]{1,29}([.]|$)' THEN
    PERFORM core.refuse(p_i, p_field, 'TOO_LARGE', 'at most 29 digits before the point');
  ELSIF v_text !~ '^[0-9]{1,29}([.][0-9]{1,9})?$' THEN
    PERFORM core.refuse(p_i, p_field, 'TOO_MANY_DECIMALS', 'at most 9 digits after the point');
  END IF;
END
$$;
