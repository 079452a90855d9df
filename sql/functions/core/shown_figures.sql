-- How an answer ends a wallet's figures after what is owed: with shortfall, receivable and overdraft limit, if any of them is not zero.
CREATE OR REPLACE FUNCTION core.shown_figures(p_shortfall numeric, p_receivable numeric, p_limit numeric) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
AS $$
BEGIN
  IF p_shortfall = 0 AND p_receivable = 0 AND p_limit = 0 THEN
    RETURN '"]';
  END IF;
  RETURN pg_catalog.concat('","', pg_catalog.trim_scale(p_shortfall), '","', pg_catalog.trim_scale(p_receivable), '","', pg_catalog.trim_scale(p_limit), '"]');
END
$$;
