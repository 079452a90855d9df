-- What reversals take back of a usage event in all, before and after one of them: of each quantity, and of each credit type ("$" before it),
-- whoever paid it or nobody. Rounded down, to what a quantity or the type can be, until all is taken back.
--
--   p_before, p_after  the shares that all reversals add up to
CREATE OR REPLACE FUNCTION core.reversed_amounts(p_event core.usage_event, p_before numeric, p_after numeric)
RETURNS TABLE (measure text, before numeric, after numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT m.measure, trunc(m.amount * p_before, m.decimals), CASE WHEN p_after = 1 THEN m.amount ELSE trunc(m.amount * p_after, m.decimals) END
  FROM (
    SELECT q.key AS measure, q.value::numeric AS amount, 9 AS decimals FROM json_each_text(p_event.quantities) AS q
    UNION ALL
    SELECT '$' || c.key, sum(c.value::numeric), min(t.decimals)::integer
    FROM (SELECT * FROM json_each_text(p_event.credits) UNION ALL SELECT * FROM json_each_text(p_event.shortfall)) AS c
    JOIN core.credit_type AS t ON t.credit_type = c.key
    GROUP BY c.key
  ) AS m;
END
$$;
