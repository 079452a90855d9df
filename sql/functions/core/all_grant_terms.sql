-- All terms of a grant, as core.ledger_origin keeps those with which it was made: what api.grant_credits was told of them by the names it has
-- there, and those that core.grant_terms_json has.
CREATE OR REPLACE FUNCTION core.all_grant_terms(p_grant core.credit_grant) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
BEGIN
  RETURN core.grant_terms_json(p_grant) || jsonb_build_object(
    'walletNo', p_grant.wallet_no, 'fromGrantNo', p_grant.from_grant_no, 'lotOffset', trim_scale(p_grant.lot_offset)::text,
    'amount', trim_scale(p_grant.amount)::text, 'kind', p_grant.grant_kind, 'features', p_grant.features,
    'costBasis', trim_scale(p_grant.cost_basis)::text, 'currency', p_grant.currency, 'source', p_grant.source, 'createdAt', p_grant.created_at);
END
$$;
