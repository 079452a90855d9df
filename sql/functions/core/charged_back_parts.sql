-- What was charged back of the grants that a chargeback names as parts of another, by the change that each of them has, in their order.
CREATE OR REPLACE FUNCTION core.charged_back_parts(p_customer_id text, p_grant_ids jsonb) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
      'grantId', n.grant_id, 'walletId', w.wallet_id, 'voided', c.after -> 'voided', 'held', c.after -> 'held', 'receivable', c.after -> 'receivable')
      ORDER BY n.n), '[]')
    FROM jsonb_array_elements_text(p_grant_ids) WITH ORDINALITY AS n (grant_id, n)
    JOIN core.credit_grant AS g ON g.customer_id = p_customer_id AND g.grant_no = n.grant_id::bigint
    JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
    JOIN core.change AS c ON c.customer_id = g.customer_id AND c.recorded_at = g.charged_back_at AND c.subject = n.grant_id
      AND c.kind IN ('GRANT_VOIDED', 'GRANT_CHARGED_BACK') AND c.after ? 'receivable');
END
$$;
