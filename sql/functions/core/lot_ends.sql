-- How much of a lot had gone apart, and how much had been returned of what was spent, before an operation: by core.entry_effect. See report.ledger.
--
-- Of a grant in force both went to grants that were made of it, which an index finds: to another wallet, or as an adjustment to its own.
-- The rest only happens once it has expired or is void, so only the entries since are read.
--
--   p_at  when the first operation was recorded that is not before p_before
--
-- A definer, since report.ledger calls it with the rights of whoever reads.
CREATE OR REPLACE FUNCTION core.lot_ends(p_customer_id text, p_grant_no bigint, p_before bigint, p_at timestamptz, OUT apart numeric, OUT returned numeric)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_lot core.credit_grant;
  v_ended_at timestamptz;
BEGIN
  SELECT * INTO v_lot FROM core.credit_grant WHERE customer_id = p_customer_id AND grant_no = p_grant_no;
  SELECT coalesce(sum(g.amount) FILTER (WHERE g.wallet_no <> v_lot.wallet_no), 0), coalesce(sum(g.amount) FILTER (WHERE g.wallet_no = v_lot.wallet_no), 0)
  INTO apart, returned
  FROM core.credit_grant AS g WHERE g.customer_id = p_customer_id AND g.from_grant_no = p_grant_no AND g.grant_no < p_before;
  v_ended_at := least(v_lot.expires_at, v_lot.voided_at);
  IF v_ended_at <= p_at THEN
    SELECT lot_ends.apart + coalesce(sum(e.apart), 0), lot_ends.returned + coalesce(sum(e.returned), 0) INTO apart, returned
    FROM core.entry_effect AS e
    WHERE e.customer_id = p_customer_id AND e.grant_no = p_grant_no AND e.recorded_at >= v_ended_at AND e.recorded_at <= p_at
      AND e.seq > core.seq_at(p_customer_id, v_ended_at - interval '1 microsecond') AND e.seq < p_before
      -- Those were counted.
      AND e.kind <> 'TRANSFER' AND NOT e.adjusts;
  END IF;
END
$$;
