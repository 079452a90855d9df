-- Writes the operations that core.book_due has worked out, given as parallel arrays in the order of their seq: whose,
-- what, when it was due, the number of the grant or raise, the wallet or budget it is about, how much, what of it
-- repaid an overdraft, and the wallet's balances afterwards.
CREATE OR REPLACE FUNCTION core.write_due(
  p_at timestamptz, p_customer text[], p_seq bigint[], p_kind text[], p_due_at timestamptz[], p_no bigint[], p_subject integer[],
  p_amount numeric[], p_repaid numeric[], p_scheduled numeric[], p_available numeric[], p_owed numeric[]
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  v_customer text;
  v_no integer;
  v_amount numeric;
  v_old core.budget;
  v_new core.budget;
BEGIN
  INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, effective_at, kind, from_wallet_no, to_wallet_no, from_account, to_account,
                                 grant_no, amount, from_balance_after, to_balance_after)
  SELECT b.customer, b.seq, e.leg, p_at, b.due_at, e.kind::core.entry_kind, b.subject, b.subject, e.from_account::core.account, e.to_account::core.account,
         b.no, e.amount, e.from_after, e.to_after
  FROM unnest(p_customer, p_seq, p_kind, p_due_at, p_no, p_subject, p_amount, p_repaid, p_scheduled, p_available, p_owed)
    AS b (customer, seq, kind, due_at, no, subject, amount, repaid, scheduled, available, owed)
  CROSS JOIN LATERAL (VALUES
    ('GRANT_EFFECTIVE', 1, 'GRANT_EFFECTIVE', 'SCHEDULED', 'AVAILABLE', b.amount, b.scheduled, b.available + b.repaid),
    ('GRANT_EFFECTIVE', 2, 'OVERDRAFT_REPAID', 'AVAILABLE', 'OWED', b.repaid, b.available, b.owed),
    ('GRANT_EXPIRED', 1, 'GRANT_EXPIRED', 'AVAILABLE', 'EXPIRED', b.amount, b.available, NULL)
  ) AS e (operation, leg, kind, from_account, to_account, amount, from_after, to_after)
  WHERE e.operation = b.kind AND e.amount > 0;
  INSERT INTO core.change (customer_id, seq, recorded_at, effective_at, kind, subject, before, after, actor)
  SELECT e.customer, e.seq, p_at, e.due_at, e.kind, e.subject::text,
         jsonb_build_object('budgetNo', e.subject, 'raised', trim_scale(u.raised - e.ended + e.amount)::text),
         jsonb_build_object('budgetNo', e.subject, 'raised', trim_scale(u.raised - e.ended)::text, 'raiseNo', e.no, 'amount', trim_scale(e.amount)::text),
         'clock'
  FROM (
    SELECT b.*, sum(b.amount) OVER (PARTITION BY b.customer, b.subject ORDER BY b.seq) AS ended
    FROM unnest(p_customer, p_seq, p_kind, p_due_at, p_no, p_subject, p_amount) AS b (customer, seq, kind, due_at, no, subject, amount)
    WHERE b.kind = 'RAISE_ENDED'
  ) AS e
  JOIN core.budget AS u ON u.customer_id = e.customer AND u.budget_no = e.subject;

  UPDATE core.credit_grant AS g
  SET remaining = g.remaining - b.gone, is_scheduled = g.is_scheduled AND NOT b.is_effective, is_open = g.remaining > b.gone OR g.held > 0
  FROM (
    SELECT customer, no, sum(CASE kind WHEN 'GRANT_EXPIRED' THEN amount ELSE repaid END) AS gone, bool_or(kind = 'GRANT_EFFECTIVE') AS is_effective
    FROM unnest(p_customer, p_kind, p_no, p_amount, p_repaid) AS b (customer, kind, no, amount, repaid)
    WHERE kind <> 'RAISE_ENDED'
    GROUP BY customer, no
  ) AS b
  WHERE g.customer_id = b.customer AND g.grant_no = b.no;
  UPDATE core.wallet AS w
  SET scheduled = b.scheduled, available = b.available, owed = b.owed
  FROM (
    SELECT DISTINCT ON (customer, subject) * FROM unnest(p_customer, p_seq, p_kind, p_subject, p_scheduled, p_available, p_owed)
      AS b (customer, seq, kind, subject, scheduled, available, owed)
    WHERE kind <> 'RAISE_ENDED'
    ORDER BY customer, subject, seq DESC
  ) AS b
  WHERE w.customer_id = b.customer AND w.wallet_no = b.subject;
  UPDATE core.budget_raise AS r
  SET has_ended = true
  FROM unnest(p_customer, p_kind, p_no) AS b (customer, kind, no)
  WHERE b.kind = 'RAISE_ENDED' AND r.customer_id = b.customer AND r.raise_no = b.no;
  FOR v_customer, v_no, v_amount IN
    SELECT b.customer, b.subject, sum(b.amount) FROM unnest(p_customer, p_kind, p_subject, p_amount) AS b (customer, kind, subject, amount)
    WHERE b.kind = 'RAISE_ENDED' GROUP BY b.customer, b.subject ORDER BY b.customer, b.subject
  LOOP
    UPDATE core.budget SET raised = raised - v_amount WHERE customer_id = v_customer AND budget_no = v_no RETURNING * INTO v_new;
    v_old := v_new;
    v_old.raised := v_new.raised + v_amount;
    PERFORM core.enqueue_crossings_of_budget(v_old, v_new, p_at);
  END LOOP;
END
$$;
