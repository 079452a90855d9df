-- How a kept answer ends a wallet's figures after what is available, as short as they allow: with nothing more, with the overdraft limit
-- alone, with what is held, leased and owed, or with all of these and shortfall, receivable and overdraft limit.
CREATE OR REPLACE FUNCTION core.kept_figures(p_held numeric, p_leased text, p_owed numeric, p_shortfall numeric, p_receivable numeric, p_limit numeric)
RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN p_held = 0 AND p_leased = '0' AND p_owed = 0 AND p_shortfall = 0 AND p_receivable = 0 THEN CASE WHEN p_limit = 0 THEN '' ELSE ',' || p_limit::text END
    WHEN p_shortfall = 0 AND p_receivable = 0 AND p_limit = 0 THEN ',' || p_held::text || ',' || p_leased || ',' || p_owed::text
    ELSE ',' || p_held::text || ',' || p_leased || ',' || p_owed::text || ',' || pg_catalog.trim_scale(p_shortfall)::text || ',' || p_receivable::text || ',' || p_limit::text
  END || ']'
$$;
