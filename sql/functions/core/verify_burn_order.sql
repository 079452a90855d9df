-- P5: when something was consumed or held, every grant that paid was eligible, no eligible grant before the last that paid had
-- credits left afterwards, and none at all had where an overdraft or a shortfall paid.
--
-- Eligible: in force at the instant, not restricted to other features, its wallet on the event's path, and its credit
-- type one in which every quantity asked had a rate. A grant has credits by spells: until it is spent or held, and again when
-- a hold gives some back. One whose terms have changed is a lot for each stretch of time in which it had the same
-- (core.grant_terms), and is as good as empty outside of it.
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
  WITH moved AS (
    SELECT s.customer_id, s.grant_no, s.seq, sum(s.delta) AS delta FROM core.grant_sides(p_customers) AS s
    WHERE s.account IN ('SCHEDULED', 'AVAILABLE')
    GROUP BY s.customer_id, s.grant_no, s.seq
  ), left_over AS (
    SELECT m.customer_id, m.grant_no, m.seq, sum(m.delta) OVER (PARTITION BY m.customer_id, m.grant_no ORDER BY m.seq) > 0 AS has_some
    FROM moved AS m
  ), turned AS (
    SELECT l.*, lag(l.has_some, 1, false) OVER (PARTITION BY l.customer_id, l.grant_no ORDER BY l.seq) AS had_some FROM left_over AS l
  ), spell AS (
    -- From the seq at which it came to have credits to that at which it had none again.
    SELECT t.customer_id, t.grant_no, t.seq, t.has_some,
           lead(t.seq, 1, 9223372036854775807) OVER (PARTITION BY t.customer_id, t.grant_no ORDER BY t.seq) AS empty_at
    FROM turned AS t WHERE t.has_some <> t.had_some
  ), lot AS (
    SELECT g.customer_id, g.grant_no, g.features, t.from_seq, t.to_seq, t.effective_at, t.expires_at, w.entity_no, w.credit_type,
           greatest(e.seq, t.from_seq + 1) AS seq, least(e.empty_at, t.to_seq + 1) AS empty_at,
           (t.priority, t.expires_at, g.grant_kind <> 'PROMOTIONAL', t.effective_at, g.grant_no) AS place
    FROM core.grant_terms(p_customers) AS t
    JOIN core.credit_grant AS g ON g.customer_id = t.customer_id AND g.grant_no = t.grant_no
    JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
    JOIN spell AS e ON e.customer_id = g.customer_id AND e.grant_no = g.grant_no AND e.has_some
    -- What a spell ends with still belongs to it.
    WHERE greatest(e.seq, t.from_seq + 1) <= least(e.empty_at, t.to_seq + 1)
  ), shelved AS (
    SELECT *, max(empty_at) OVER (PARTITION BY customer_id, entity_no, credit_type ORDER BY place
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_empty_at
    FROM lot
  ), standing AS (
    -- Of a grant with several spells, what may stand before any of them.
    SELECT customer_id, grant_no, features, from_seq, to_seq, effective_at, expires_at, entity_no, credit_type, place, max(before_empty_at) AS before_empty_at
    FROM shelved GROUP BY customer_id, grant_no, features, from_seq, to_seq, effective_at, expires_at, entity_no, credit_type, place
  ), shelf AS MATERIALIZED (
    SELECT customer_id, entity_no, credit_type, max(empty_at) AS empty_at FROM lot GROUP BY customer_id, entity_no, credit_type
  ), settled AS (
    -- A settlement is priced by all that its reservation has been settled to: which names, and since when.
    SELECT u.customer_id, u.reservation_no, q.key AS name, min(u.seq) AS since
    FROM core.usage_event AS u
    CROSS JOIN LATERAL json_object_keys(u.quantities) AS q (key)
    WHERE u.reservation_no IS NOT NULL AND (p_customers IS NULL OR u.customer_id = ANY (p_customers))
    GROUP BY u.customer_id, u.reservation_no, q.key
  ), total AS (
    SELECT u.customer_id, u.seq, json_object_agg(s.name, '1') AS quantities
    FROM core.usage_event AS u
    JOIN settled AS s ON s.customer_id = u.customer_id AND s.reservation_no = u.reservation_no AND s.since <= u.seq
    GROUP BY u.customer_id, u.seq
  ), event AS (
    -- What was burned, and what was held.
    SELECT u.customer_id, u.seq, u.recorded_at, coalesce(r.reserved_at, u.occurred_at, u.recorded_at) AS priced_at, u.feature_id, u.catalog_version, u.path,
           coalesce(t.quantities, u.quantities) AS quantities, u.dimensions
    FROM core.usage_event AS u
    LEFT JOIN core.reservation AS r ON r.customer_id = u.customer_id AND r.reservation_no = u.reservation_no
    LEFT JOIN total AS t ON t.customer_id = u.customer_id AND t.seq = u.seq
    WHERE p_customers IS NULL OR u.customer_id = ANY (p_customers)
    UNION ALL
    SELECT r.customer_id, r.reservation_no, r.reserved_at, r.reserved_at, r.feature_id, r.catalog_version, r.path, r.quantities, r.dimensions
    FROM core.reservation AS r WHERE p_customers IS NULL OR r.customer_id = ANY (p_customers)
  ), slice AS (
    SELECT u.customer_id, u.seq, u.recorded_at, u.priced_at, u.feature_id, u.catalog_version, p.path, u.quantities, u.dimensions,
           f.credit_types, e.grant_no, array_position(p.path, l.entity_no) AS distance, array_position(f.credit_types, l.credit_type) AS rank,
           l.place, l.before_empty_at, l.effective_at <= u.recorded_at AND l.expires_at > u.recorded_at
             AND (l.features IS NULL OR u.feature_id = ANY (l.features)) AS is_in_force
    FROM core.ledger_entry AS e
    JOIN event AS u ON u.customer_id = e.customer_id AND u.seq = e.seq AND u.recorded_at = e.recorded_at
    CROSS JOIN LATERAL (SELECT v.credit_types FROM core.feature AS v WHERE v.feature_id = u.feature_id AND v.catalog_version <= u.catalog_version
                        ORDER BY v.catalog_version DESC LIMIT 1) AS f
    CROSS JOIN LATERAL (SELECT array_agg(n::integer) AS path FROM json_array_elements_text(u.path) AS n) AS p
    LEFT JOIN standing AS l ON l.customer_id = e.customer_id AND l.grant_no = e.grant_no AND l.from_seq < e.seq AND l.to_seq >= e.seq
    WHERE e.kind IN ('CONSUME', 'RESERVE') AND (p_customers IS NULL OR e.customer_id = ANY (p_customers))
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
      AND l.seq <= s.seq AND l.empty_at > s.seq
      AND l.effective_at <= s.recorded_at AND l.expires_at > s.recorded_at
      AND (l.features IS NULL OR s.feature_id = ANY (l.features))
      AND (s.grant_no IS NULL
           OR (s.holder_distance, array_position(s.credit_types, s.credit_type), l.place) < (s.distance, s.rank, s.place))
    WHERE NOT EXISTS (
      SELECT FROM json_each_text(s.quantities) AS q
      WHERE q.value::numeric > 0 AND NOT EXISTS (
        SELECT FROM core.rate AS r
        WHERE r.feature_id = s.feature_id AND r.credit_type = l.credit_type AND r.quantity = q.key AND r.catalog_version <= s.catalog_version
          AND r.effective_from <= s.priced_at
          AND (r.dimensions = '{}' OR coalesce(s.dimensions::jsonb, '{}') @> r.dimensions)))
  )
  SELECT 'burn_order', NULL, count(*), NULL::jsonb FROM slice
  UNION ALL (SELECT 'burn_order', s.customer_id, NULL, jsonb_build_object('seq', s.seq, 'paidBy', s.grant_no::text, 'isEligible', false)
             FROM slice AS s WHERE s.grant_no IS NOT NULL AND (s.distance + s.rank > 0 AND s.is_in_force) IS NOT TRUE LIMIT 20)
  UNION ALL (SELECT 'burn_order', p.customer_id, NULL, p.offender FROM passed_over AS p LIMIT 20);
END
$$;
