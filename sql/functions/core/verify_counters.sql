-- What a counter has used is the fold of the usage events that charged it since its window began, without what was reversed of what
-- was counted since then. Budgets per request keep no count. A counter that was charged and is no more has used nothing, so that its budget
-- would let everything through again.
CREATE OR REPLACE FUNCTION core.verify_counters(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH current AS (
    SELECT DISTINCT ON (w.customer_id, w.counter_no) w.* FROM core.counter_window AS w
    WHERE p_customers IS NULL OR w.customer_id = ANY (p_customers)
    ORDER BY w.customer_id, w.counter_no, w.from_seq DESC
  ), counted AS (
    SELECT c.customer_id, c.counter_no, c.budget_no, c.used, c.window_start, c.window_end, b.measure, b.credit_type, b.quantity,
           k.from_seq, (k.window_start, k.window_end) IS NOT DISTINCT FROM (c.window_start, c.window_end) AS is_dated
    FROM core.counter AS c
    JOIN core.budget AS b ON b.customer_id = c.customer_id AND b.budget_no = c.budget_no AND b.budget_window <> 'REQUEST'
    LEFT JOIN current AS k ON k.customer_id = c.customer_id AND k.counter_no = c.counter_no
    WHERE p_customers IS NULL OR c.customer_id = ANY (p_customers)
  ), folded AS (
    -- What settles a reservation says for itself how much of it counts in the reservation's window, and how much in its own.
    SELECT u.customer_id, charged.counter_no, sum(CASE
             WHEN u.reservation_no IS NOT NULL THEN CASE WHEN u.reservation_no >= c.from_seq THEN (charged.counter ->> 1)::numeric ELSE 0 END
               + CASE WHEN u.seq >= c.from_seq THEN (charged.counter ->> 2)::numeric ELSE 0 END
             WHEN u.seq < c.from_seq THEN 0
             WHEN c.measure = 'QUANTITY' THEN coalesce((u.quantities ->> c.quantity)::numeric, 0)
             ELSE coalesce((u.credits ->> c.credit_type)::numeric, 0) + coalesce((u.shortfall ->> c.credit_type)::numeric, 0) END) AS used
    FROM core.usage_event AS u
    CROSS JOIN LATERAL (
      SELECT e.counter, CASE WHEN u.reservation_no IS NULL THEN e.counter #>> '{}' ELSE e.counter ->> 0 END::integer AS counter_no
      FROM json_array_elements(u.counters) AS e (counter)
    ) AS charged
    LEFT JOIN counted AS c ON c.customer_id = u.customer_id AND c.counter_no = charged.counter_no
    WHERE p_customers IS NULL OR u.customer_id = ANY (p_customers)
    GROUP BY u.customer_id, charged.counter_no
  ), reversed AS (
    SELECT c.customer_id, c.counter_no, sum((given.back ->> 1)::numeric) AS amount
    FROM core.reversal AS r
    CROSS JOIN LATERAL json_array_elements(r.counters) AS given (back)
    JOIN counted AS c ON c.customer_id = r.customer_id AND c.counter_no = (given.back ->> 0)::integer AND (given.back ->> 2)::bigint >= c.from_seq
    WHERE p_customers IS NULL OR r.customer_id = ANY (p_customers)
    GROUP BY c.customer_id, c.counter_no
  ), compared AS (
    SELECT c.customer_id, CASE WHEN c.used <> coalesce(f.used, 0) - coalesce(r.amount, 0) OR NOT c.is_dated THEN jsonb_build_object(
             'budgetId', b.budget_id, 'counterNo', c.counter_no, 'windowStart', c.window_start, 'windowIsRecorded', c.is_dated,
             'stored', trim_scale(c.used)::text, 'events', trim_scale(coalesce(f.used, 0))::text,
             'reversed', trim_scale(coalesce(r.amount, 0))::text) END AS offender
    FROM counted AS c
    JOIN core.budget AS b ON b.customer_id = c.customer_id AND b.budget_no = c.budget_no
    LEFT JOIN folded AS f ON f.customer_id = c.customer_id AND f.counter_no = c.counter_no
    LEFT JOIN reversed AS r ON r.customer_id = c.customer_id AND r.counter_no = c.counter_no
    UNION ALL
    SELECT f.customer_id, jsonb_build_object('counterNo', f.counter_no, 'stored', NULL)
    FROM folded AS f
    WHERE NOT EXISTS (SELECT FROM core.counter AS c WHERE c.customer_id = f.customer_id AND c.counter_no = f.counter_no)
  )
  SELECT 'counters', NULL, count(*), NULL::jsonb FROM compared
  UNION ALL (SELECT 'counters', c.customer_id, NULL, c.offender FROM compared AS c WHERE c.offender IS NOT NULL LIMIT 20);
END
$$;
