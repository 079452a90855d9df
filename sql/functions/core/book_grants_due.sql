-- Books grants that expired or took effect, and raises that ended: those of each customer that were due before an instant of its own.
-- Called by core.book_due and core.book_due_of_wallets, which say more.
--
--   p_before           one for each of p_customers
--   p_limit            at most so many operations; null for all
--   p_of, p_wallet_no  grants of these wallets alone, pair by pair, and no raises; null for all
--
-- One statement works everything out and one per table writes it, however much there is. Returns how many operations
-- were booked.
CREATE OR REPLACE FUNCTION core.book_grants_due(p_customers text[], p_before timestamptz[], p_at timestamptz, p_limit integer, p_of text[], p_wallet_no integer[]) RETURNS integer
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_customer text[]; v_seq bigint[]; v_kind text[]; v_at timestamptz[]; v_no bigint[]; v_subject integer[];
  v_amount numeric[]; v_repaid numeric[]; v_scheduled numeric[]; v_available numeric[]; v_owed numeric[];
BEGIN
  WITH due_grant AS (
    SELECT g.customer_id, g.grant_no, g.wallet_no, g.is_scheduled, g.effective_at, g.expires_at, g.remaining, w.scheduled, w.available, w.owed,
           CASE WHEN g.is_scheduled THEN least(g.remaining, greatest(w.owed - coalesce(sum(CASE WHEN g.is_scheduled THEN g.remaining ELSE 0 END) OVER (
             PARTITION BY g.customer_id, g.wallet_no ORDER BY g.effective_at, g.grant_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0), 0))
           ELSE 0 END AS repaid
    FROM core.credit_grant AS g
    JOIN core.wallet AS w ON w.customer_id = g.customer_id AND w.wallet_no = g.wallet_no
    WHERE g.customer_id = ANY (p_customers) AND g.is_open AND g.remaining > 0
      AND (g.expires_at <= p_at OR (g.is_scheduled AND g.effective_at <= p_at))
      AND (p_of IS NULL OR (g.customer_id, g.wallet_no) IN (SELECT o.customer_id, o.wallet_no FROM unnest(p_of, p_wallet_no) AS o (customer_id, wallet_no)))
  ), due AS (
    SELECT customer_id, 'GRANT_EXPIRED' AS kind, 1 AS rank, expires_at AS at, grant_no AS no, wallet_no AS subject, remaining - repaid AS amount,
           0::numeric AS repaid, scheduled, available, owed
    FROM due_grant WHERE expires_at <= p_at AND remaining > repaid
    UNION ALL
    SELECT customer_id, 'GRANT_EFFECTIVE', 2, effective_at, grant_no, wallet_no, remaining, repaid, scheduled, available, owed
    FROM due_grant WHERE is_scheduled
    UNION ALL
    SELECT customer_id, 'RAISE_ENDED', 3, until, raise_no, budget_no, amount, 0, 0, 0, 0
    FROM core.budget_raise WHERE customer_id = ANY (p_customers) AND NOT has_ended AND until <= p_at AND p_of IS NULL
  ), booked AS (
    SELECT due.* FROM due JOIN unnest(p_customers, p_before) AS b (customer_id, before) USING (customer_id)
    WHERE at < before ORDER BY customer_id COLLATE "C", at, rank, no LIMIT p_limit
  ), numbered AS (
    SELECT b.*, g.seq + row_number() OVER (PARTITION BY b.customer_id ORDER BY b.at, b.rank, b.no) AS seq
    FROM booked AS b JOIN core.gate AS g ON g.customer_id = b.customer_id
  )
  SELECT array_agg(customer_id ORDER BY customer_id, seq), array_agg(seq ORDER BY customer_id, seq), array_agg(kind ORDER BY customer_id, seq),
         array_agg(at ORDER BY customer_id, seq), array_agg(no ORDER BY customer_id, seq), array_agg(subject ORDER BY customer_id, seq),
         array_agg(amount ORDER BY customer_id, seq), array_agg(repaid ORDER BY customer_id, seq),
         array_agg(scheduled_after ORDER BY customer_id, seq), array_agg(available_after ORDER BY customer_id, seq),
         array_agg(owed_after ORDER BY customer_id, seq)
  INTO v_customer, v_seq, v_kind, v_at, v_no, v_subject, v_amount, v_repaid, v_scheduled, v_available, v_owed
  FROM (
    -- The balances of the wallet after each operation.
    SELECT numbered.*,
           scheduled - sum(CASE WHEN kind = 'GRANT_EFFECTIVE' THEN amount ELSE 0 END) OVER wallet AS scheduled_after,
           available + sum(CASE WHEN kind = 'GRANT_EFFECTIVE' THEN amount - repaid ELSE -amount END) OVER wallet AS available_after,
           owed - sum(repaid) OVER wallet AS owed_after
    FROM numbered
    WINDOW wallet AS (PARTITION BY customer_id, kind = 'RAISE_ENDED', subject ORDER BY seq)
  ) AS balanced;

  IF v_seq IS NOT NULL THEN
    PERFORM core.write_due(p_at, v_customer, v_seq, v_kind, v_at, v_no, v_subject, v_amount, v_repaid, v_scheduled, v_available, v_owed);
  END IF;
  UPDATE core.gate AS g
  SET seq = g.seq + b.operations, last_at = p_at
  FROM (SELECT customer_id, count(*) AS operations FROM unnest(v_customer) AS customer_id GROUP BY customer_id) AS b
  WHERE g.customer_id = b.customer_id;
  RETURN coalesce(cardinality(v_seq), 0);
END
$$;
