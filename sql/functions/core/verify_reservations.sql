-- P2: what is held of wallets, grants and counters is what reservations hold; each reservation was made once and ended at most
-- once, as its state says; and what it says was settled is what its usage events say.
CREATE OR REPLACE FUNCTION core.verify_reservations(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH slice AS (
    SELECT r.customer_id, r.reservation_no, (s ->> 0)::integer AS wallet_no, (s ->> 1)::bigint AS grant_no, coalesce((s ->> 3)::numeric, 0) AS settled,
           (s ->> 2)::numeric - coalesce((s ->> 3)::numeric, 0) AS rest
    FROM core.reservation AS r
    CROSS JOIN LATERAL json_array_elements(r.slices) AS s
    WHERE p_customers IS NULL OR r.customer_id = ANY (p_customers)
  ), of_wallet AS (
    SELECT customer_id, wallet_no, sum(rest) AS held FROM slice GROUP BY customer_id, wallet_no
  ), of_grant AS (
    SELECT customer_id, grant_no, sum(rest) AS held FROM slice WHERE grant_no IS NOT NULL GROUP BY customer_id, grant_no
  ), of_counter AS (
    SELECT r.customer_id, k.counter_no, sum(k.rest) AS held
    FROM core.reservation AS r
    CROSS JOIN LATERAL core.reservation_rests(r) AS k
    JOIN core.counter AS c ON c.customer_id = r.customer_id AND c.counter_no = k.counter_no
      AND extract(epoch FROM nullif(c.window_start, '-infinity')) IS NOT DISTINCT FROM k.window_epoch
    WHERE r.state = 'HELD' AND (p_customers IS NULL OR r.customer_id = ANY (p_customers))
    GROUP BY r.customer_id, k.counter_no
  ), held AS (
    SELECT w.customer_id, 'walletId' AS what, w.wallet_id AS id, w.held AS stored, coalesce(o.held, 0) AS held
    FROM core.wallet AS w LEFT JOIN of_wallet AS o ON o.customer_id = w.customer_id AND o.wallet_no = w.wallet_no
    WHERE p_customers IS NULL OR w.customer_id = ANY (p_customers)
    UNION ALL
    SELECT g.customer_id, 'grantId', g.grant_no::text, g.held, coalesce(o.held, 0)
    FROM core.credit_grant AS g LEFT JOIN of_grant AS o ON o.customer_id = g.customer_id AND o.grant_no = g.grant_no
    WHERE p_customers IS NULL OR g.customer_id = ANY (p_customers)
    UNION ALL
    SELECT c.customer_id, 'counterNo', c.counter_no::text, c.held, coalesce(o.held, 0)
    FROM core.counter AS c LEFT JOIN of_counter AS o ON o.customer_id = c.customer_id AND o.counter_no = c.counter_no
    WHERE p_customers IS NULL OR c.customer_id = ANY (p_customers)
  ), step AS (
    SELECT s.customer_id, s.reservation_no, count(*) FILTER (WHERE s.kind = 'RESERVE' AND s.seq = s.reservation_no) AS made,
           string_agg(s.kind, ',' ORDER BY s.seq) FILTER (WHERE s.expires_at IS NULL) AS ends
    FROM core.reservation_step AS s
    WHERE p_customers IS NULL OR s.customer_id = ANY (p_customers)
    GROUP BY s.customer_id, s.reservation_no
  ), said AS (
    SELECT u.customer_id, u.reservation_no, q.key AS name, sum(q.value::numeric) AS amount
    FROM core.usage_event AS u CROSS JOIN LATERAL json_each_text(u.quantities) AS q
    WHERE u.reservation_no IS NOT NULL AND (p_customers IS NULL OR u.customer_id = ANY (p_customers))
    GROUP BY u.customer_id, u.reservation_no, q.key
    UNION ALL
    SELECT u.customer_id, u.reservation_no, '$', sum(q.value::numeric)
    FROM core.usage_event AS u CROSS JOIN LATERAL json_each_text(u.credits) AS q
    WHERE u.reservation_no IS NOT NULL AND (p_customers IS NULL OR u.customer_id = ANY (p_customers))
    GROUP BY u.customer_id, u.reservation_no
  ), settled AS (
    SELECT r.customer_id, r.reservation_no, q.key AS name, q.value::numeric AS amount
    FROM core.reservation AS r CROSS JOIN LATERAL json_each_text(r.settled) AS q
    WHERE p_customers IS NULL OR r.customer_id = ANY (p_customers)
    UNION ALL
    SELECT customer_id, reservation_no, '$', sum(settled) FROM slice GROUP BY customer_id, reservation_no HAVING sum(settled) > 0
  ), compared AS (
    SELECT h.customer_id, CASE WHEN h.stored <> h.held THEN jsonb_build_object(h.what, h.id, 'stored', trim_scale(h.stored)::text, 'reservations', trim_scale(h.held)::text) END AS offender
    FROM held AS h
    UNION ALL
    SELECT r.customer_id, CASE WHEN s.made IS DISTINCT FROM 1 OR NOT coalesce(CASE r.state
             WHEN 'HELD' THEN s.ends IS NULL
             WHEN 'EXPIRED' THEN CASE WHEN r.is_closed THEN s.ends ~ '^EXPIRE(,SETTLE)+$' ELSE s.ends ~ '^EXPIRE(,SETTLE)*$' END
             WHEN 'SETTLED' THEN s.ends = 'SETTLE' ELSE s.ends = 'RELEASE' END, false)
           THEN jsonb_build_object('reservationId', r.reservation_no::text, 'state', r.state, 'made', s.made, 'ends', s.ends) END
    FROM core.reservation AS r LEFT JOIN step AS s ON s.customer_id = r.customer_id AND s.reservation_no = r.reservation_no
    WHERE p_customers IS NULL OR r.customer_id = ANY (p_customers)
    UNION ALL
    SELECT customer_id, CASE WHEN a.amount IS DISTINCT FROM b.amount THEN jsonb_build_object(
             'reservationId', reservation_no::text, 'of', name, 'events', trim_scale(a.amount)::text, 'settled', trim_scale(b.amount)::text) END
    FROM said AS a FULL JOIN settled AS b USING (customer_id, reservation_no, name)
  )
  SELECT 'reservations', NULL, count(*), NULL::jsonb FROM compared
  UNION ALL (SELECT 'reservations', c.customer_id, NULL, c.offender FROM compared AS c WHERE c.offender IS NOT NULL LIMIT 20);
END
$$;
