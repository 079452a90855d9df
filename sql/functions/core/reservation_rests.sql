-- What a reservation still holds of each counter that it charged, and when the window began in which it does (an epoch; null: never).
CREATE OR REPLACE FUNCTION core.reservation_rests(p_reservation core.reservation)
RETURNS TABLE (counter_no integer, rest numeric, window_epoch numeric)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT (c.charge ->> 0)::integer, greatest((c.charge ->> 2)::numeric - coalesce(CASE
           WHEN c.charge ->> 1 NOT LIKE '$%' THEN (p_reservation.settled ->> (c.charge ->> 1))::numeric
           ELSE (SELECT sum((s ->> 3)::numeric) FROM json_array_elements(p_reservation.slices) AS s
                 JOIN core.wallet AS w ON w.customer_id = p_reservation.customer_id AND w.wallet_no = (s ->> 0)::integer
                 WHERE '$' || w.credit_type = c.charge ->> 1) END, 0)
         - coalesce((SELECT sum((f ->> 1)::numeric) FROM json_array_elements(p_reservation.shortfalls) AS f WHERE '$' || (f ->> 0) = c.charge ->> 1), 0), 0),
         (c.charge ->> 3)::numeric
  FROM json_array_elements(p_reservation.counters) AS c (charge);
END
$$;
