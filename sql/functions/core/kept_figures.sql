-- How a kept answer ends a wallet's figures after what is available: with what is held, leased and owed, if there is any.
CREATE OR REPLACE FUNCTION core.kept_figures(p_held numeric, p_leased text, p_owed numeric) RETURNS text
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
AS $$
BEGIN
  RETURN CASE WHEN p_held = 0 AND p_leased = '0' AND p_owed = 0 THEN ']' ELSE pg_catalog.concat(',', p_held, ',', p_leased, ',', p_owed, ']') END;
END
$$;
