-- The rows of history that do not fit the marks of one span, in the order of their seq: what was altered, deleted and inserted there.
--
-- A mark without a row and a row without a mark that claim the same place are one row that was altered; so are those left over of
-- one table and operation, since a row's place can be altered too. A row that was given another seq or another customer is deleted at
-- the one and inserted at the other.
CREATE OR REPLACE FUNCTION core.seal_offenders(p_seal core.seal) RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_tables CONSTANT text[] := '{ledger_entry,usage_event,change,counter_window,idempotency,idempotency,reservation_step,ledger_origin,reversal}';
BEGIN
  RETURN QUERY
  WITH sealed AS (
    SELECT m.mark, p_seal.from_seq + (((m.mark >> 57) - p_seal.from_seq) & 63) AS seq, row_number() OVER (PARTITION BY m.mark) AS copy
    FROM unnest(p_seal.marks) AS m (mark)
  ), found AS (
    SELECT m.mark, o.seq, row_number() OVER (PARTITION BY m.mark) AS copy
    FROM core.sealed_operations(p_seal.customer_id, p_seal.from_seq - 1, p_seal.to_seq) AS o
    CROSS JOIN LATERAL unnest(o.marks) AS m (mark)
  ), odd AS (
    SELECT d.*, row_number() OVER (PARTITION BY d.is_there, d.seq, d.table_no, d.place ORDER BY d.mark, d.copy) AS copy_there
    FROM (
      SELECT f.mark IS NOT NULL AS is_there, mark, seq, copy, (mark >> 53) & 15 AS table_no, (mark >> 36) & 131071 AS place
      FROM sealed AS s FULL JOIN found AS f USING (mark, seq, copy)
      WHERE (s.mark IS NULL OR f.mark IS NULL) AND seq <= p_seal.to_seq
    ) AS d
  ), paired AS (
    SELECT o.*, count(*) OVER (PARTITION BY o.seq, o.table_no, o.place, o.copy_there) = 2 AS is_paired FROM odd AS o
  ), moved AS (
    SELECT p.*, row_number() OVER (PARTITION BY p.is_there, p.is_paired, p.seq, p.table_no ORDER BY p.place, p.mark, p.copy) AS copy_moved FROM paired AS p
  ), judged AS (
    SELECT m.*, m.is_paired OR count(*) OVER (PARTITION BY m.is_paired, m.seq, m.table_no, m.copy_moved) = 2 AS is_altered FROM moved AS m
  )
  SELECT jsonb_strip_nulls(jsonb_build_object(
           'table', c_tables[j.table_no], 'seq', CASE WHEN j.table_no = 6 THEN j.seq - 1 ELSE j.seq END,
           'leg', CASE WHEN j.table_no = 1 THEN j.place END, 'counterNo', CASE WHEN j.table_no = 4 AND j.is_there THEN j.place END,
           'isDenial', CASE WHEN j.table_no = 6 THEN true END,
           'happened', CASE WHEN j.is_altered THEN 'ALTERED' WHEN j.is_there THEN 'INSERTED' ELSE 'DELETED' END))
  FROM judged AS j
  WHERE j.is_there OR NOT j.is_altered
  ORDER BY j.seq, j.table_no, j.place, j.mark
  LIMIT 20;
END
$$;
