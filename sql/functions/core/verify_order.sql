-- Every seq from 1 to the gate's stands on exactly one head row, an entry of consumption on the usage event of its seq, one that voids
-- a grant, charges it back or issues it for its payment on the change, one of a reversal at or before it; and recorded_at never runs backwards along seq.
CREATE OR REPLACE FUNCTION core.verify_order(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH head AS (
    SELECT u.customer_id, u.seq, u.recorded_at FROM core.usage_event AS u
    WHERE u.reservation_no IS NULL AND (p_customers IS NULL OR u.customer_id = ANY (p_customers))
    UNION ALL
    SELECT s.customer_id, s.seq, s.recorded_at FROM core.reservation_step AS s WHERE p_customers IS NULL OR s.customer_id = ANY (p_customers)
    UNION ALL
    SELECT c.customer_id, c.seq, c.recorded_at FROM core.change AS c WHERE p_customers IS NULL OR c.customer_id = ANY (p_customers)
    UNION ALL
    SELECT r.customer_id, r.seq, r.recorded_at FROM core.reversal AS r WHERE p_customers IS NULL OR r.customer_id = ANY (p_customers)
    UNION ALL
    SELECT e.customer_id, e.seq, e.recorded_at FROM core.ledger_entry AS e
    WHERE e.leg = 1 AND (p_customers IS NULL OR e.customer_id = ANY (p_customers))
      AND e.kind NOT IN ('CONSUME', 'RESERVE', 'SETTLE', 'RELEASE', 'PAYMENT_RECEIVED', 'GRANT_VOIDED', 'CHARGEBACK')
      -- What lapses when a hold ends has the step for its head.
      AND e.from_account <> 'HELD'
      -- The last part of a transfer stands under the change that tells of the whole.
      AND NOT (e.kind = 'TRANSFER' AND EXISTS (
        SELECT FROM core.change AS c WHERE c.customer_id = e.customer_id AND c.seq = e.seq AND c.recorded_at = e.recorded_at AND c.kind = 'TRANSFER'))
      -- So does what a reversal returns last.
      AND NOT (e.kind = 'REVERSAL' AND EXISTS (SELECT FROM core.reversal AS r WHERE r.customer_id = e.customer_id AND r.seq = e.seq))
    UNION ALL
    -- The end: one after the last there may be.
    SELECT g.customer_id, g.seq + 1, 'infinity' FROM core.gate AS g WHERE p_customers IS NULL OR g.customer_id = ANY (p_customers)
  ), stepped AS (
    SELECT h.*, lag(h.seq, 1, 0::bigint) OVER one AS before, lag(h.recorded_at) OVER one AS before_at
    FROM head AS h
    WINDOW one AS (PARTITION BY h.customer_id ORDER BY h.seq)
  ), stray AS (
    SELECT e.customer_id, e.seq FROM core.ledger_entry AS e
    WHERE e.leg = 1 AND (p_customers IS NULL OR e.customer_id = ANY (p_customers)) AND CASE
      WHEN e.kind IN ('CONSUME', 'SETTLE')
        THEN NOT EXISTS (SELECT FROM core.usage_event AS u WHERE u.customer_id = e.customer_id AND u.seq = e.seq AND u.recorded_at = e.recorded_at)
      WHEN e.kind IN ('RESERVE', 'RELEASE') OR e.from_account = 'HELD'
        THEN NOT EXISTS (SELECT FROM core.reservation_step AS s WHERE s.customer_id = e.customer_id AND s.seq = e.seq)
      WHEN e.kind = 'REVERSAL'
        THEN NOT EXISTS (SELECT FROM core.reversal AS r
          WHERE r.customer_id = e.customer_id AND e.seq BETWEEN r.first_seq AND r.seq AND r.recorded_at = e.recorded_at)
      WHEN e.kind IN ('PAYMENT_RECEIVED', 'GRANT_VOIDED', 'CHARGEBACK')
        THEN NOT EXISTS (
          SELECT FROM core.change AS c WHERE c.customer_id = e.customer_id AND c.seq = e.seq AND c.recorded_at = e.recorded_at
            AND c.subject = e.grant_no::text AND c.kind = ANY (CASE e.kind WHEN 'GRANT_VOIDED' THEN '{GRANT_VOIDED}' WHEN 'CHARGEBACK' THEN '{GRANT_VOIDED,GRANT_CHARGED_BACK}' ELSE '{GRANT_UPDATED}' END::text[])) END
  )
  SELECT 'seq', NULL, count(*), NULL::jsonb FROM stepped AS s WHERE s.recorded_at < 'infinity'
  UNION ALL (SELECT 'seq', s.customer_id, NULL, jsonb_build_object('seq', s.seq, 'before', s.before) FROM stepped AS s WHERE s.seq <> s.before + 1 LIMIT 20)
  UNION ALL (SELECT 'seq', s.customer_id, NULL, jsonb_build_object('seq', s.seq, 'hasNoHead', true) FROM stray AS s LIMIT 20)
  UNION ALL SELECT 'recorded_at', NULL, count(*), NULL::jsonb FROM stepped AS s WHERE s.recorded_at < 'infinity'
  UNION ALL (SELECT 'recorded_at', s.customer_id, NULL, jsonb_build_object('seq', s.seq, 'recordedAt', s.recorded_at, 'before', s.before_at)
             FROM stepped AS s WHERE s.recorded_at < s.before_at LIMIT 20);
END
$$;
