-- The terms of the grants that became of repaid overdrafts when reservations gave back what they had held of them: the entry that made one says
-- them all, so that no row of core.ledger_origin need, whose actor would name who had reserved. See take_steps/return_held.plpgsql.
CREATE OR REPLACE FUNCTION core.returned_terms(p_customers text[]) RETURNS TABLE (customer_id text, seq bigint, terms jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT e.customer_id, e.seq, core.all_grant_terms(jsonb_populate_record(NULL::core.credit_grant, jsonb_build_object(
    'wallet_no', e.to_wallet_no, 'grant_kind', 'ADJUSTMENT', 'priority', 50, 'effective_at', coalesce(e.effective_at, e.recorded_at), 'expires_at', 'infinity',
    'amount', e.amount, 'is_pending', false, 'source', 'repaid overdraft of a reservation', 'created_at', e.recorded_at)))
  FROM core.ledger_entry AS e
  WHERE e.kind = 'RELEASE' AND e.grant_no = e.seq AND e.to_account = 'AVAILABLE' AND (p_customers IS NULL OR e.customer_id = ANY (p_customers));
END
$$;
