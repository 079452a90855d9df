-- How an answer ends a wallet's figures after what is owed: with shortfall, receivable and overdraft limit, if any of them is not zero.
CREATE OR REPLACE FUNCTION core.shown_figures(p_shortfall numeric, p_receivable numeric, p_limit numeric) RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN p_shortfall = 0 AND p_receivable = 0 AND p_limit = 0 THEN '"]'
    ELSE '","' || pg_catalog.trim_scale(p_shortfall)::text || '","' || pg_catalog.trim_scale(p_receivable)::text || '","' || pg_catalog.trim_scale(p_limit)::text || '"]'
  END
$$;
