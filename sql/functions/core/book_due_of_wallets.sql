-- Books what time has brought to the grants of some wallets, however much that is, after core.book_due has booked as much as one call
-- books of everything: what is spent or held has to stand on the ledger before, or what comes back of it would come back to a
-- grant that is yet to take effect. Does nothing for customers of whom nothing is due any more, which is nearly always.
--
--   p_customers, p_nodes  whose wallets, pair by pair: a customer, and an entity on the way of what is asked
--   p_at                  the instant of the call
CREATE OR REPLACE FUNCTION core.book_due_of_wallets(p_customers text[], p_nodes integer[], p_at timestamptz) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_customer text[];
  v_wallet integer[];
  v_due text[];
BEGIN
  SELECT array_agg(w.customer_id), array_agg(w.wallet_no), array_agg(DISTINCT w.customer_id) INTO v_customer, v_wallet, v_due
  FROM (SELECT DISTINCT n.customer_id, n.entity_no FROM unnest(p_customers, p_nodes) AS n (customer_id, entity_no)) AS n
  CROSS JOIN LATERAL (SELECT * FROM core.gate AS g WHERE g.customer_id = n.customer_id AND g.next_due_at <= p_at LIMIT 1) AS g
  CROSS JOIN LATERAL (SELECT * FROM core.wallet AS w WHERE w.customer_id = n.customer_id AND w.entity_no = n.entity_no OFFSET 0) AS w;
  IF v_due IS NULL THEN
    RETURN;
  END IF;
  PERFORM core.book_grants_due(v_due, array_fill('infinity'::timestamptz, ARRAY[cardinality(v_due)]), p_at, NULL, v_customer, v_wallet);
  UPDATE core.gate AS g
  SET next_due_at = core.next_due(g.customer_id, true)
  WHERE g.customer_id = ANY (v_due);
END
$$;
