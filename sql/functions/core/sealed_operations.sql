-- The same, one row an operation: its digests in the order of tables and then of their bytes, all together, and as many marks
-- (core.seal says what a mark is). Operations without rows are not there.
CREATE OR REPLACE FUNCTION core.sealed_operations(
  p_customer_id text, p_after bigint, p_up_to bigint, p_from timestamptz DEFAULT '-infinity', p_until timestamptz DEFAULT 'infinity'
) RETURNS TABLE (seq bigint, recorded_at timestamptz, digests bytea, marks bigint[])
LANGUAGE plpgsql
STABLE
ROWS 5000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT r.seq, max(r.recorded_at ORDER BY r.table_no, r.digest), string_agg(r.digest, '' ORDER BY r.table_no, r.digest),
         array_agg(((r.seq & 63) << 57) | (r.table_no::bigint << 53) | ((r.place & 131071) << 36)
                   | (get_byte(r.digest, 0)::bigint << 28) | (get_byte(r.digest, 1) << 20) | (get_byte(r.digest, 2) << 12)
                   | (get_byte(r.digest, 3) << 4) | (get_byte(r.digest, 4) >> 4) ORDER BY r.table_no, r.digest)
  FROM core.sealed_rows(p_customer_id, p_after, p_up_to, p_from, p_until) AS r
  GROUP BY r.seq;
END
$$;
