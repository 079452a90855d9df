-- Once for each key: every usage event, grant, transfer, reversal and raise is what exactly one key did, and every key that was allowed did one.
-- Without its key a consumption could be made again; and no denial was judged after something that never was.
CREATE OR REPLACE FUNCTION core.verify_keys(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH done AS (
    SELECT u.customer_id, u.seq, u.recorded_at FROM core.usage_event AS u
    WHERE u.reservation_no IS NULL AND (p_customers IS NULL OR u.customer_id = ANY (p_customers))
    UNION ALL
    SELECT s.customer_id, s.seq, s.recorded_at FROM core.reservation_step AS s
    WHERE s.kind = 'RESERVE' AND (p_customers IS NULL OR s.customer_id = ANY (p_customers))
    UNION ALL
    SELECT e.customer_id, e.seq, e.recorded_at FROM core.ledger_entry AS e
    WHERE e.leg = 1 AND e.kind = 'GRANT' AND (p_customers IS NULL OR e.customer_id = ANY (p_customers))
    UNION ALL
    SELECT c.customer_id, c.seq, c.recorded_at FROM core.change AS c
    WHERE c.kind IN ('GRANT_PENDING', 'TRANSFER', 'RAISE') AND (p_customers IS NULL OR c.customer_id = ANY (p_customers))
    UNION ALL
    SELECT r.customer_id, r.seq, r.recorded_at FROM core.reversal AS r WHERE p_customers IS NULL OR r.customer_id = ANY (p_customers)
  ), kept AS (
    SELECT i.customer_id, i.seq, i.recorded_at, min(core.key_text(i.key)) AS key, count(*) AS times
    FROM core.idempotency AS i
    WHERE i.allowed AND (p_customers IS NULL OR i.customer_id = ANY (p_customers))
    GROUP BY i.customer_id, i.seq, i.recorded_at
  ), compared AS (
    SELECT coalesce(d.customer_id, k.customer_id) AS customer_id, coalesce(d.seq, k.seq) AS seq, k.key, coalesce(k.times, 0) AS times,
           d.seq IS NOT NULL AS is_there
    FROM done AS d
    FULL JOIN kept AS k ON k.customer_id = d.customer_id AND k.seq = d.seq AND k.recorded_at = d.recorded_at
  ), ahead AS (
    SELECT i.customer_id, i.seq, core.key_text(i.key) AS key, i.seq > g.seq AS is_ahead
    FROM core.idempotency AS i
    JOIN core.gate AS g ON g.customer_id = i.customer_id
    WHERE NOT i.allowed AND (p_customers IS NULL OR i.customer_id = ANY (p_customers))
  )
  SELECT 'keys', NULL, (SELECT count(*) FROM compared) + (SELECT count(*) FROM ahead), NULL::jsonb
  UNION ALL (SELECT 'keys', c.customer_id, NULL, jsonb_build_object('seq', c.seq, 'key', c.key, 'keys', c.times, 'isRecorded', c.is_there)
             FROM compared AS c WHERE c.times <> 1 OR NOT c.is_there LIMIT 20)
  UNION ALL (SELECT 'keys', a.customer_id, NULL, jsonb_build_object('judgedAfterSeq', a.seq, 'key', a.key) FROM ahead AS a WHERE a.is_ahead LIMIT 20);
END
$$;
