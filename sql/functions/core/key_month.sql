-- The partition an idempotency key belongs to: the month inside it (core.month_in_key), if that is not before
-- p_not_before, the first day of the month of installation; else 1970-01-01, where all keys stand that carry
-- no month of ours. Whether a month is too far ahead is for the caller, who knows the time.
--
-- It runs once for every item, hence no search_path of its own: that alone would cost more than the rest.
CREATE OR REPLACE FUNCTION core.key_month(p_key text, p_not_before date) RETURNS date
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $$
DECLARE
  v_month date := core.month_in_key(p_key);
BEGIN
  RETURN CASE WHEN v_month >= p_not_before THEN v_month ELSE '1970-01-01' END;
END
$$;
