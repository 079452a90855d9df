-- Books what time has brought to customers whom nobody asks for: the expiry job's call. Gates that are locked are left
-- to whoever holds them, who books the same.
--
--   p_limit  at most so many customers, and so many operations
--
-- Returns how many operations were booked; as many as asked for means that there may be more.
-- Raises UC110 and UC120.
CREATE OR REPLACE FUNCTION api.book_due(p_limit integer) RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_customers text[];
  v_at timestamptz;
BEGIN
  PERFORM core.begin_writing();
  SELECT array_agg(g.customer_id), greatest(core.clock(), max(g.last_at)) INTO v_customers, v_at
  FROM (SELECT customer_id, last_at FROM core.gate WHERE next_due_at <= core.clock()
        ORDER BY next_due_at, customer_id LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED) AS g;
  RETURN core.book_due(coalesce(v_customers, '{}'), v_at, p_limit);
END
$$;
