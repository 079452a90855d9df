-- Grants are what they were made: the terms that nothing changes are those that core.ledger_origin keeps, and none is missing of those it
-- knows; core.verify_terms follows the others from there. Of grants made before it kept them, what their keys were used for is known by
-- its fingerprint, and on what ground they were made. And a wallet may be overdrawn as far as was said last.
--
-- Joins are by hash: where the planner expects a handful, it would compare each grant with every key or change of its customer.
CREATE OR REPLACE FUNCTION core.verify_granted(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
  c_changing CONSTANT text[] := '{priority,effectiveAt,expiresAt,isPending}';
  -- Else keys are not looked at.
  v_has_older CONSTANT boolean := EXISTS (
    SELECT FROM core.credit_grant AS g
    LEFT JOIN core.ledger_origin AS o ON o.customer_id = g.customer_id AND o.seq = g.grant_no
    WHERE o.terms IS NULL AND (p_customers IS NULL OR g.customer_id = ANY (p_customers)));
BEGIN
  RETURN QUERY
  WITH granted AS (
    SELECT customer_id, grant_no, o.customer_id IS NOT NULL AS is_known, o.source, o.terms - c_changing AS was, g.terms AS terms, g.terms - c_changing AS is_now
    FROM (SELECT g.customer_id, g.grant_no, core.all_grant_terms(g) AS terms FROM core.credit_grant AS g
          WHERE p_customers IS NULL OR g.customer_id = ANY (p_customers)) AS g
    FULL JOIN (SELECT o.customer_id, o.seq AS grant_no, o.source, o.terms FROM core.ledger_origin AS o
               WHERE p_customers IS NULL OR o.customer_id = ANY (p_customers)
               UNION ALL
               SELECT r.customer_id, r.seq, r.terms ->> 'source', r.terms FROM core.returned_terms(p_customers) AS r) AS o USING (customer_id, grant_no)
    WHERE g.terms IS NOT NULL OR o.terms IS NOT NULL
  ), first_change AS (
    SELECT DISTINCT ON (c.customer_id, c.subject) c.customer_id, c.subject::bigint AS grant_no, coalesce(c.before, c.after) - '{walletNo,amount}'::text[] AS terms
    FROM core.change AS c
    WHERE c.kind IN ('GRANT_PENDING', 'GRANT_UPDATED') AND v_has_older AND (p_customers IS NULL OR c.customer_id = ANY (p_customers))
    ORDER BY c.customer_id, c.subject, c.seq
  ), older AS (
    SELECT g.customer_id, g.grant_no, g.terms,
           CASE WHEN g.is_known AND g.source IS DISTINCT FROM g.terms ->> 'source'
                  AND g.terms ->> 'source' IS DISTINCT FROM 'reversal of usage event ' || substr(g.source, 7)
             THEN 'source' ELSE core.term_unlike_print(g.terms || coalesce(c.terms, '{}'), i.fingerprint, i.recorded_at) END AS term
    FROM granted AS g
    LEFT JOIN first_change AS c ON c.customer_id = g.customer_id AND c.grant_no = g.grant_no
    LEFT JOIN core.idempotency AS i ON i.customer_id = g.customer_id AND i.seq = g.grant_no AND i.allowed
      AND substr(i.fingerprint, 1, 4) = int4send(hashtext('grantCredits'))
    WHERE g.was IS NULL AND v_has_older
  ), said AS (
    SELECT DISTINCT ON (c.customer_id, w.wallet ->> 'walletNo') c.customer_id, (w.wallet ->> 'walletNo')::integer AS wallet_no,
           (w.wallet ->> 'overdraftLimit')::numeric AS overdraft_limit
    FROM core.change AS c
    CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(c.after -> 'wallets') = 'array' THEN c.after -> 'wallets' END) AS w (wallet)
    WHERE c.after ? 'wallets' AND (p_customers IS NULL OR c.customer_id = ANY (p_customers))
    ORDER BY c.customer_id, w.wallet ->> 'walletNo', c.seq DESC
  ), limited AS (
    SELECT w.customer_id, w.wallet_id, w.overdraft_limit, coalesce(s.overdraft_limit, 0) AS was
    FROM core.wallet AS w
    LEFT JOIN said AS s ON s.customer_id = w.customer_id AND s.wallet_no = w.wallet_no
    WHERE p_customers IS NULL OR w.customer_id = ANY (p_customers)
  )
  SELECT 'granted', NULL, (SELECT count(*) FROM granted) + (SELECT count(*) FROM limited), NULL::jsonb
  UNION ALL (SELECT 'granted', g.customer_id, NULL, jsonb_build_object('grantId', g.grant_no::text,
               'was', (SELECT jsonb_object_agg(t.key, t.value) FROM jsonb_each(g.was) AS t WHERE t.value IS DISTINCT FROM g.is_now -> t.key),
               'is', (SELECT jsonb_object_agg(t.key, t.value) FROM jsonb_each(g.is_now) AS t WHERE t.value IS DISTINCT FROM g.was -> t.key))
             FROM granted AS g WHERE g.was IS NOT NULL AND g.was IS DISTINCT FROM g.is_now ORDER BY g.customer_id, g.grant_no LIMIT 20)
  UNION ALL (SELECT 'granted', o.customer_id, NULL, jsonb_build_object('grantId', o.grant_no::text, 'term', o.term, 'is', o.terms -> o.term)
             FROM older AS o WHERE o.term IS NOT NULL ORDER BY o.customer_id, o.grant_no LIMIT 20)
  UNION ALL (SELECT 'granted', l.customer_id, NULL, jsonb_build_object('walletId', l.wallet_id, 'was', trim_scale(l.was)::text, 'overdraftLimit', trim_scale(l.overdraft_limit)::text)
             FROM limited AS l WHERE l.was <> l.overdraft_limit ORDER BY l.customer_id, l.wallet_id LIMIT 20);
END
$$;
