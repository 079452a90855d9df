-- More customers, each with all that customer-1 has: its tree, grants, budgets, counters and what it has consumed.
-- Columns are read from the catalogue, so that they have whatever shape customers have. `api.verify` finds nothing wrong.
--
--   p_customers  how many there are afterwards; those there are now are numbered from 1 without a gap
CREATE PROCEDURE bench.add_customers(p_customers bigint) LANGUAGE plpgsql AS $$
DECLARE
  v_now bigint := (SELECT count(*) FROM core.customer);
  v_insert text;
BEGIN
  FOR v_insert IN
    SELECT format('INSERT INTO %s (%s) SELECT %s FROM %s AS h, generate_series($1 + 1, $2) AS n WHERE h.customer_id = ''customer-1'' ORDER BY n',
                  t.oid::regclass, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
                  string_agg(CASE a.attname WHEN 'customer_id' THEN '''customer-'' || n' ELSE 'h.' || quote_ident(a.attname) END, ', ' ORDER BY a.attnum),
                  t.oid::regclass)
    FROM pg_class AS t JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE t.relnamespace = 'core'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
    GROUP BY t.oid HAVING bool_or(a.attname = 'customer_id')
  LOOP
    EXECUTE v_insert USING v_now, p_customers;
  END LOOP;
END
$$;

-- Every customer from 1 to p_customers, a multiple of 200, consumes once; returns how many were allowed.
CREATE FUNCTION bench.consume_once(p_customers bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT count(*) FILTER (WHERE c.allowed)
  FROM generate_series(1, p_customers, 200) AS f, LATERAL api.consume_many((
    SELECT ('[' || string_agg(bench.item('customer-' || n, 1), ',') || ']')::jsonb FROM generate_series(f, f + 199) AS n)) AS c
$$;
