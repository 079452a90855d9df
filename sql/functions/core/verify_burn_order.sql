-- P5: when something was consumed, every grant that paid was eligible, no eligible grant before the last that paid had
-- credits left afterwards, and none at all had where an overdraft or a shortfall paid.
--
-- Eligible: in force at the instant, not restricted to other features, its wallet on the event's path, and its credit
-- type one in which every quantity asked had a rate. What is left of a grant only falls, so it has credits from the seq at
-- which it was granted to that of its last entry, or for ever if some are left. One whose terms have changed is a lot for each
-- stretch of time in which it had the same (core.grant_terms), and is as good as empty outside of it.
--
-- A history has as many grants as it likes, so no event is held against all of them: a shelf is one holder's grants of one
-- credit type, and an event is looked at closely only where something before the last that paid, on its shelf or on one
-- nearer to the user, was emptied after it.
CREATE OR REPLACE FUNCTION core.verify_burn_order(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH emptied AS (
    SELECT e.customer_id, e.grant_no, max(e.seq) AS seq
    FROM core.ledger_entry AS e
    WHERE e.grant_no IS NOT NULL AND (p_customers IS NULL OR e.customer_id = ANY (p_customers))
    GROUP BY e.customer_id, e.grant_no
  ), lot AS (
    SELECT g.customer_id, g.grant_no, g.features, t.from_seq, t.to_seq, t.effective_at, t.expires_at, w.entity_no, w.credit_type,
           least(CASE WHEN g.remaining > 0 THEN 9223372036854775807 ELSE e.seq END, t.to_seq + 1) AS empty_at,
           (t.priority, t.expires_at, g.grant_kind <> 'PROMOTIONAL', t.effective_at, g.grant_no) AS place
    FROM core.grant_terms(p_customers) AS t
    JOIN core.credit_grant AS g ON g.customer_id = t.customer_id AND g.grant_no = t.grant_no
    JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
    LEFT JOIN emptied AS e ON e.customer_id = g.customer_id AND e.grant_no = g.grant_no
  ), shelved AS (
    SELECT *, max(empty_at) OVER (PARTITION BY customer_id, entity_no, credit_type ORDER BY place
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_empty_at
    FROM lot
  ), shelf AS MATERIALIZED (
    SELECT customer_id, entity_no, credit_type, max(empty_at) AS empty_at FROM lot GROUP BY customer_id, entity_no, credit_type
  ), slice AS (
    SELECT u.customer_id, u.seq, u.recorded_at, u.occurred_at, u.feature_id, u.catalog_version, p.path, u.quantities, u.dimensions,
           f.credit_types, e.grant_no, array_position(p.path, l.entity_no) AS distance, array_position(f.credit_types, l.credit_type) AS rank,
           l.place, l.before_empty_at, l.effective_at <= u.recorded_at AND l.expires_at > u.recorded_at
             AND (l.features IS NULL OR u.feature_id = ANY (l.features)) AS is_in_force
    FROM core.ledger_entry AS e
    JOIN core.usage_event AS u ON u.customer_id = e.customer_id AND u.seq = e.seq AND u.recorded_at = e.recorded_at
    CROSS JOIN LATERAL (SELECT v.credit_types FROM core.feature AS v WHERE v.feature_id = u.feature_id AND v.catalog_version <= u.catalog_version
                        ORDER BY v.catalog_version DESC LIMIT 1) AS f
    CROSS JOIN LATERAL (SELECT array_agg(n::integer) AS path FROM json_array_elements_text(u.path) AS n) AS p
    LEFT JOIN shelved AS l ON l.customer_id = e.customer_id AND l.grant_no = e.grant_no AND l.from_seq < e.seq AND l.to_seq >= e.seq
    WHERE e.kind = 'CONSUME' AND (p_customers IS NULL OR e.customer_id = ANY (p_customers))
  ), last AS (
    -- Of each event, in burn order; an overdraft or a shortfall comes after all grants.
    SELECT DISTINCT ON (s.customer_id, s.seq) * FROM slice AS s
    ORDER BY s.customer_id, s.seq, s.grant_no IS NULL DESC, s.distance DESC, s.rank DESC, s.place DESC
  ), holder AS MATERIALIZED (
    SELECT s.*, n.entity_no AS holder_no, n.distance AS holder_distance
    FROM last AS s
    CROSS JOIN LATERAL unnest(s.path) WITH ORDINALITY AS n (entity_no, distance)
  ), suspect AS MATERIALIZED (
    SELECT s.*, h.credit_type
    FROM holder AS s
    JOIN shelf AS h ON h.customer_id = s.customer_id AND h.entity_no = s.holder_no
    CROSS JOIN LATERAL (SELECT array_position(s.credit_types, h.credit_type) AS rank) AS k
    WHERE k.rank IS NOT NULL
      AND CASE WHEN s.grant_no IS NULL OR (s.holder_distance, k.rank) < (s.distance, s.rank) THEN h.empty_at
               WHEN (s.holder_distance, k.rank) = (s.distance, s.rank) THEN s.before_empty_at END > s.seq
  ), passed_over AS (
    SELECT s.customer_id, jsonb_build_object('seq', s.seq, 'paidBy', s.grant_no::text, 'passedOver', l.grant_no::text) AS offender
    FROM suspect AS s
    JOIN lot AS l ON l.customer_id = s.customer_id AND l.entity_no = s.holder_no AND l.credit_type = s.credit_type
      AND l.from_seq < s.seq AND l.empty_at > s.seq
      AND l.effective_at <= s.recorded_at AND l.expires_at > s.recorded_at
      AND (l.features IS NULL OR s.feature_id = ANY (l.features))
      AND (s.grant_no IS NULL
           OR (s.holder_distance, array_position(s.credit_types, s.credit_type), l.place) < (s.distance, s.rank, s.place))
    WHERE NOT EXISTS (
      SELECT FROM json_each_text(s.quantities) AS q
      WHERE q.value::numeric > 0 AND NOT EXISTS (
        SELECT FROM core.rate AS r
        WHERE r.feature_id = s.feature_id AND r.credit_type = l.credit_type AND r.quantity = q.key AND r.catalog_version <= s.catalog_version
          AND r.effective_from <= coalesce(s.occurred_at, s.recorded_at)
          AND (r.dimensions = '{}' OR coalesce(s.dimensions::jsonb, '{}') @> r.dimensions)))
  )
  SELECT 'burn_order', NULL, count(*), NULL::jsonb FROM slice
  UNION ALL (SELECT 'burn_order', s.customer_id, NULL, jsonb_build_object('seq', s.seq, 'paidBy', s.grant_no::text, 'isEligible', false)
             FROM slice AS s WHERE s.grant_no IS NOT NULL AND (s.distance + s.rank > 0 AND s.is_in_force) IS NOT TRUE LIMIT 20)
  UNION ALL (SELECT 'burn_order', p.customer_id, NULL, p.offender FROM passed_over AS p LIMIT 20);
END
$$;
