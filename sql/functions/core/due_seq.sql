-- Under which seq the end of a hold that has expired will be booked: what is due before it is booked first. So a check can name the
-- grant that what was repaid of its overdraft becomes.
--
--   p_ends  when it expired
CREATE OR REPLACE FUNCTION core.due_seq(p_customer_id text, p_reservation_no bigint, p_ends timestamptz) RETURNS bigint
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (SELECT seq FROM core.gate WHERE customer_id = p_customer_id) + 1
    + (SELECT count(*) FROM core.reservation
       WHERE customer_id = p_customer_id AND state = 'HELD' AND (expires_at, reservation_no) < (p_ends, p_reservation_no))
    + (SELECT count(*) FROM core.budget_raise WHERE customer_id = p_customer_id AND NOT has_ended AND until < p_ends)
    + (SELECT count(*) FROM core.credit_grant WHERE customer_id = p_customer_id AND is_open AND is_scheduled AND effective_at < p_ends)
    -- … and those of which something is left to expire
    + (SELECT count(*)
       FROM core.credit_grant AS g
       LEFT JOIN core.grant_dues(p_customer_id, g.expires_at) AS d ON d.grant_no = g.grant_no
       WHERE g.customer_id = p_customer_id AND g.is_open AND g.expires_at < p_ends AND coalesce(d.remaining, g.remaining) > 0);
END
$$;
