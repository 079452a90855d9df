-- Every customer of seed.sql consumes once, so that its counters stand and what is measured is the next consumption.
-- Every one must be allowed: the rows of the bench measure nothing that is denied.
DO $warm$
DECLARE
  v_denied jsonb;
BEGIN
  FOR v_from IN 1 .. 1801 BY 200 LOOP
    SELECT to_jsonb(c) INTO v_denied
    FROM api.consume_many((
      SELECT ('[' || string_agg(bench.item('customer-' || n, 1), ',') || ']')::jsonb FROM generate_series(v_from, v_from + 199) AS n)) AS c
    WHERE NOT c.allowed LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'a consumption of the bench is not allowed: %', v_denied;
    END IF;
  END LOOP;
END
$warm$;
VACUUM ANALYZE;
