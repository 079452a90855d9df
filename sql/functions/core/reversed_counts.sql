-- What the counters that a usage event charged have no longer to count when it is reversed: how much, and at which seq they had counted
-- it, since that tells the window. What settles a reservation counts beyond the hold at its own seq, and that is given back first;
-- the rest at the seq of the reservation.
--
--   p_before, p_after  the shares that all reversals add up to
CREATE OR REPLACE FUNCTION core.reversed_counts(p_event core.usage_event, p_before numeric, p_after numeric)
RETURNS TABLE (counter_no integer, amount numeric, counted_at bigint)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_settles CONSTANT boolean := p_event.reservation_no IS NOT NULL;
BEGIN
  RETURN QUERY
  SELECT r.counter_no, r.amount, r.counted_at
  FROM (
    SELECT k.counter_no, k.n, p.counted_at, least(a.after, p.upto) - greatest(a.before, p.upto - p.amount) AS amount
    FROM (
      SELECT CASE WHEN v_settles THEN c.charge ->> 0 ELSE c.charge #>> '{}' END::integer AS counter_no, c.charge, c.n
      FROM json_array_elements(p_event.counters) WITH ORDINALITY AS c (charge, n)
    ) AS k
    JOIN core.counter AS o ON o.customer_id = p_event.customer_id AND o.counter_no = k.counter_no
    JOIN core.budget AS b ON b.customer_id = p_event.customer_id AND b.budget_no = o.budget_no
    JOIN core.reversed_amounts(p_event, p_before, p_after) AS a ON a.measure = CASE b.measure WHEN 'QUANTITY' THEN b.quantity ELSE '$' || b.credit_type END
    CROSS JOIN LATERAL (
      SELECT p_event.seq, a.after, a.after WHERE NOT v_settles
      UNION ALL
      SELECT p_event.seq, (k.charge ->> 2)::numeric, (k.charge ->> 2)::numeric WHERE v_settles
      UNION ALL
      SELECT p_event.reservation_no, (k.charge ->> 1)::numeric, (k.charge ->> 1)::numeric + (k.charge ->> 2)::numeric WHERE v_settles
    ) AS p (counted_at, amount, upto)
  ) AS r
  WHERE r.amount > 0
  ORDER BY r.n, r.counted_at DESC;
END
$$;
