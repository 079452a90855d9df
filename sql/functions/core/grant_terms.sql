-- The terms of grants as they were: a row holds for what was decided at a seq above from_seq and up to to_seq. The changes of a
-- grant cut its time, and tell the terms before them; after the last of them it has those of its row. While it waited for its
-- payment it was nothing that could be passed over, and has no row.
CREATE OR REPLACE FUNCTION core.grant_terms(p_customers text[])
RETURNS TABLE (customer_id text, grant_no bigint, from_seq bigint, to_seq bigint, priority smallint, effective_at timestamptz, expires_at timestamptz)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH cut AS (
    SELECT c.customer_id, c.subject::bigint AS grant_no, c.seq, c.before FROM core.change AS c
    WHERE c.kind = 'GRANT_UPDATED' AND (p_customers IS NULL OR c.customer_id = ANY (p_customers))
    UNION ALL
    SELECT g.customer_id, g.grant_no, 9223372036854775806, NULL FROM core.credit_grant AS g
    WHERE p_customers IS NULL OR g.customer_id = ANY (p_customers)
  ), stretch AS (
    SELECT c.*, lag(c.seq, 1, 0::bigint) OVER (PARTITION BY c.customer_id, c.grant_no ORDER BY c.seq) AS from_seq FROM cut AS c
  )
  SELECT s.customer_id, s.grant_no, s.from_seq, s.seq,
         CASE WHEN s.before IS NULL THEN g.priority ELSE (s.before ->> 'priority')::smallint END,
         CASE WHEN s.before IS NULL THEN g.effective_at ELSE (s.before ->> 'effectiveAt')::timestamptz END,
         CASE WHEN s.before IS NULL THEN g.expires_at ELSE coalesce((s.before ->> 'expiresAt')::timestamptz, 'infinity') END
  FROM stretch AS s
  JOIN core.credit_grant AS g ON g.customer_id = s.customer_id AND g.grant_no = s.grant_no
  WHERE NOT CASE WHEN s.before IS NULL THEN g.is_pending ELSE (s.before ->> 'isPending')::boolean END;
END
$$;
