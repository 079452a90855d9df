-- Whether the stored state is what history says, on live data: one snapshot, nothing locked, nothing written.
--
--   p_customers  only these; NULL is all
--
-- For each check one row with `checked`, how much it looked at, and for each offender, the first twenty, a row with
-- `customer_id` and `offender`, which holds the stored value and the one worked out. No offender: all is well.
--
--   balances        accounts of wallets = the fold of the ledger      balances_after  the balance noted on each side of each entry
--   grants          what is left of grants = the fold of theirs       overspend       wallets = the sum of their grants, owed within limits
--   charges         usage events = their entries                      counters        counters = the events of their window
--   burn_order      no eligible grant was passed over                 seq             gapless, one head row each
--   recorded_at     never backwards along seq                         entities        paths and types of the tree
--   gates           what a gate says of its customer                  raises          raises in force
--   keys            one for each usage event, grant, transfer, …      references      what is named of the catalogue exists
--   terms           grants and transfers = their changes             granted         grants = what they were made, overdrafts as was said
--   reservations    what is held, and how each ended                  reversals       never more than there was
--   chart           every entry joins accounts that its kind may   openings        of months = the fold up to them
CREATE OR REPLACE FUNCTION api.verify(p_customers text[] DEFAULT NULL)
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY SELECT * FROM core.verify_balances(p_customers);
  RETURN QUERY SELECT * FROM core.verify_balances_after(p_customers);
  RETURN QUERY SELECT * FROM core.verify_grants(p_customers);
  RETURN QUERY SELECT * FROM core.verify_granted(p_customers);
  RETURN QUERY SELECT * FROM core.verify_terms(p_customers);
  RETURN QUERY SELECT * FROM core.verify_charges(p_customers);
  RETURN QUERY SELECT * FROM core.verify_counters(p_customers);
  RETURN QUERY SELECT * FROM core.verify_burn_order(p_customers);
  RETURN QUERY SELECT * FROM core.verify_order(p_customers);
  RETURN QUERY SELECT * FROM core.verify_keys(p_customers);
  RETURN QUERY SELECT * FROM core.verify_reservations(p_customers);
  RETURN QUERY SELECT * FROM core.verify_reversals(p_customers);
  RETURN QUERY SELECT * FROM core.verify_tree(p_customers);
  RETURN QUERY SELECT * FROM core.verify_references(p_customers);
  RETURN QUERY SELECT * FROM core.verify_chart(p_customers);
  RETURN QUERY SELECT * FROM core.verify_openings(p_customers);
END
$$;
