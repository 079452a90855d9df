-- Books what time has brought to customers whose gates the caller has locked: holds that expired, grants that expired or took
-- effect, and raises that ended. Each is an operation of its own, recorded now and effective when it was due.
--
--   p_at     the instant of the call; not before any of the gates' last_at
--   p_limit  at most so many operations; what is more stays due, and is next in order. Holds are booked all the same, since what they
--            give back cannot be spent before (so may grants: core.book_due_of_wallets)
--
-- The order is customer, due time, then holds, then expired before effective before ended, then the older. A grant that takes
-- effect pays what its wallet owes; if nothing of it is left by its expiry, there is none to book. What a hold gives back
-- counts for what is due after it, so holds and the rest are booked by turns: all that is due before a customer's next hold,
-- then all holds up to what is due next.
--
-- Returns how many operations were booked.
CREATE OR REPLACE FUNCTION core.book_due(p_customers text[], p_at timestamptz, p_limit integer) RETURNS integer
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_due text[];
  v_before timestamptz[];
  v_customer text[];
  v_no bigint[];
  v_ends timestamptz[];
  v_booked integer := 0;
BEGIN
  SELECT array_agg(customer_id) INTO v_due FROM core.gate WHERE customer_id = ANY (p_customers) AND next_due_at <= p_at;
  IF v_due IS NULL THEN
    RETURN 0;
  END IF;

  LOOP
    SELECT array_agg(coalesce(h.ends, 'infinity') ORDER BY d.n) INTO v_before
    FROM unnest(v_due) WITH ORDINALITY AS d (customer_id, n)
    CROSS JOIN LATERAL (SELECT min(r.expires_at) AS ends FROM core.reservation AS r
                        WHERE r.customer_id = d.customer_id AND r.state = 'HELD' AND r.expires_at <= p_at) AS h;
    v_booked := v_booked + core.book_grants_due(v_due, v_before, p_at, greatest(p_limit - v_booked, 0), NULL, NULL);
    EXIT WHEN 'infinity' = ALL (v_before);
    SELECT array_agg(r.customer_id ORDER BY r.customer_id, r.expires_at, r.reservation_no), array_agg(r.reservation_no ORDER BY r.customer_id, r.expires_at, r.reservation_no),
           array_agg(r.expires_at ORDER BY r.customer_id, r.expires_at, r.reservation_no)
    INTO v_customer, v_no, v_ends
    FROM unnest(v_due) AS d (customer_id)
    CROSS JOIN LATERAL (SELECT CASE WHEN v_booked < p_limit THEN core.next_due(d.customer_id, false) ELSE 'infinity' END AS at) AS other
    CROSS JOIN LATERAL (SELECT * FROM core.reservation AS r
                        WHERE r.customer_id = d.customer_id AND r.state = 'HELD' AND r.expires_at <= least(p_at, other.at) OFFSET 0) AS r;
    PERFORM core.take_steps(array_fill('EXPIRE'::text, ARRAY[cardinality(v_no)]), v_customer, v_no, NULL, NULL, NULL, NULL, v_ends, p_at, false);
    v_booked := v_booked + cardinality(v_no);
  END LOOP;

  UPDATE core.gate AS g
  SET last_at = p_at, next_due_at = core.next_due(g.customer_id, true)
  WHERE g.customer_id = ANY (v_due);
  RETURN v_booked;
END
$$;
