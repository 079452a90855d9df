-- The versions of some customers: all that a hub of live balances asks, many times a second, so it touches
-- one row of one table a customer. Unknown customers are left out.
CREATE OR REPLACE FUNCTION api.read_versions(p_customers text[]) RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_incarnation integer := (SELECT incarnation FROM core.installation);
  v_now timestamptz := core.clock();
BEGIN
  RETURN QUERY
  SELECT jsonb_build_object('customerId', gate.customer_id, 'incarnation', v_incarnation, 'seq', gate.seq::text,
                            'asOf', greatest(v_now, gate.last_at))
  FROM core.gate
  WHERE gate.customer_id = ANY (p_customers);
END
$$;
