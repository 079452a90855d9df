-- Every reservation as it stands now: one that has expired says so, booked or not. A row for each credit type in which it holds or has
-- paid something, since credits of different types are never added; one that costs nothing has a single row without a type.
CREATE OR REPLACE VIEW report.reservations AS
SELECT
  r.customer_id,
  r.reservation_no::text AS reservation_id,
  t.credit_type,
  n.state,
  CASE n.state WHEN 'HELD' THEN coalesce(t.held, 0) ELSE 0 END AS held,
  coalesce(t.settled, 0) AS settled,
  coalesce(t.shortfall, 0) AS shortfall,
  r.reserved_at,
  r.expires_at,
  r.feature_id,
  ARRAY(
    SELECT e.entity_id
    FROM json_array_elements_text(coalesce(r.entity_nos, json_build_array(r.path -> 0))) WITH ORDINALITY AS m (entity_no, place)
    INNER JOIN core.entity AS e ON e.customer_id = r.customer_id AND e.entity_no = m.entity_no::integer
    WHERE e.entity_no <> 0
    ORDER BY m.place
  ) AS entity_ids,
  r.session_id
FROM core.reservation AS r
INNER JOIN core.gate AS k ON k.customer_id = r.customer_id
CROSS JOIN core.report_clock() AS c (now)
CROSS JOIN LATERAL (
  SELECT CASE WHEN r.state = 'HELD' AND r.expires_at <= greatest(c.now, k.last_at) THEN 'EXPIRED' ELSE r.state END AS state
) AS n
LEFT JOIN LATERAL (
  SELECT p.credit_type, sum(p.held) AS held, sum(p.settled) AS settled, sum(p.shortfall) AS shortfall
  FROM (
    SELECT
      w.credit_type,
      (s ->> 2)::numeric - coalesce((s ->> 3)::numeric, 0) AS held,
      coalesce((s ->> 3)::numeric, 0) AS settled,
      0::numeric AS shortfall
    FROM json_array_elements(r.slices) AS s
    INNER JOIN core.wallet AS w ON w.customer_id = r.customer_id AND w.wallet_no = (s ->> 0)::integer
    -- Grant 0 only marks where a plan ended for a price of zero.
    WHERE (s ->> 1) IS DISTINCT FROM '0'
    UNION ALL
    SELECT f ->> 0, 0, 0, (f ->> 1)::numeric
    FROM json_array_elements(r.shortfalls) AS f
  ) AS p
  GROUP BY p.credit_type
) AS t ON true;
