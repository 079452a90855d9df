-- Writes what was judged: one statement per table for the whole batch, under gates that are locked.
--
-- Every look-up is by primary key, from arrays whose length the planner cannot know: without the settings it
-- reads a table of a few thousand rows as a whole rather than look up a few of them.
CREATE OR REPLACE FUNCTION core.write_verdict(p core.verdict) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  -- Locals, since an element of an array inside a record is found by reading the array from its start.
  v_route integer[] := p.a_route;
  v_quantities json[] := p.a_quantities;
  v_credits json[] := p.a_credits;
  v_counters json[] := p.r_counters;
  v_price integer[] := p.r_price;
  v_feature text[] := p.r_feature;
  v_dimensions json[] := p.p_dimensions;
  v_named text[] := p.r_named;
  v_path text[] := p.r_path;
  v_occurred timestamptz[] := p.r_occurred;
  v_customer text[] := p.w_customer;
BEGIN
  IF p.n_no IS NOT NULL THEN
    INSERT INTO core.entity (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types, created_at)
    SELECT n.customer, n.no, n.id, n.types[1], n.path[2], n.path, n.types, p.at
    FROM (SELECT customer, no, id, path::integer[] AS path, types::text[] AS types
          FROM unnest(p.n_customer, p.n_no, p.n_id, p.n_path, p.n_types) AS n (customer, no, id, path, types)) AS n;
    INSERT INTO core.change (customer_id, seq, recorded_at, kind, subject, after, actor)
    SELECT n.customer, n.seq, p.at, 'ENTITY_CREATED', n.no::text, jsonb_build_object('entityNo', n.no, 'type', (n.types::text[])[1]), 'unknownEntity'
    FROM unnest(p.n_customer, p.n_no, p.n_types, p.n_seq) AS n (customer, no, types, seq);
  END IF;
  IF true = ANY (p.g_changed) THEN
    UPDATE core.credit_grant AS g
    SET remaining = v.remaining, is_open = v.remaining > 0 OR g.held > 0
    FROM (SELECT v_customer[v.wallet] AS customer, v.no, v.remaining
          FROM unnest(p.g_wallet, p.g_no, p.g_remaining, p.g_changed) AS v (wallet, no, remaining, changed) WHERE v.changed) AS v
    WHERE g.customer_id = v.customer AND g.grant_no = v.no;
  END IF;
  IF true = ANY (p.w_is_new) THEN
    INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, created_at)
    SELECT v.customer, v.no, 'customer:' || v.type, 0, v.type, p.at
    FROM unnest(p.w_customer, p.w_no, p.w_type, p.w_is_new) AS v (customer, no, type, is_new) WHERE v.is_new;
  END IF;
  IF true = ANY (p.w_changed) THEN
    UPDATE core.wallet AS w
    SET scheduled = v.scheduled, available = v.available, owed = v.owed, shortfall = v.shortfall
    FROM unnest(p.w_customer, p.w_no, p.w_scheduled, p.w_available, p.w_owed, p.w_shortfall, p.w_changed)
      AS v (customer, no, scheduled, available, owed, shortfall, changed)
    WHERE v.changed AND w.customer_id = v.customer AND w.wallet_no = v.no;
  END IF;
  IF true = ANY (p.c_is_new) THEN
    INSERT INTO core.counter (customer_id, counter_no, budget_no, subject_no, session_id, window_start, window_end, used, would_deny_count,
                              would_deny_amount, last_used_at)
    SELECT v.customer, v.no, v.budget, v.subject, v.session, v.window_start, v.window_end, v.used - v.held, v.denied_count, v.denied_amount, p.at
    FROM unnest(p.c_customer, p.c_no, p.c_is_new, p.c_changed, p.c_budget, p.c_subject, p.c_session, p.c_start, p.c_end, p.c_used, p.c_held, p.c_denied_count, p.c_denied_amount)
      AS v (customer, no, is_new, changed, budget, subject, session, window_start, window_end, used, held, denied_count, denied_amount)
    WHERE v.is_new AND v.changed;
  END IF;
  IF false = ANY (p.c_is_new) THEN
    UPDATE core.counter AS c
    SET used = v.used - v.held, window_start = v.window_start, window_end = v.window_end, held = CASE WHEN v.from_seq IS NULL THEN c.held ELSE 0 END,
        would_deny_count = v.denied_count, would_deny_amount = v.denied_amount, last_used_at = p.at
    FROM unnest(p.c_customer, p.c_no, p.c_is_new, p.c_changed, p.c_start, p.c_end, p.c_used, p.c_held, p.c_denied_count, p.c_denied_amount, p.c_from_seq)
      AS v (customer, no, is_new, changed, window_start, window_end, used, held, denied_count, denied_amount, from_seq)
    WHERE v.changed AND NOT v.is_new AND c.customer_id = v.customer AND c.counter_no = v.no;
  END IF;
  IF cardinality(array_remove(p.c_from_seq, NULL)) > 0 THEN
    INSERT INTO core.counter_window (customer_id, counter_no, from_seq, window_start, window_end)
    SELECT v.customer, v.no, v.from_seq, v.window_start, v.window_end
    FROM unnest(p.c_customer, p.c_no, p.c_from_seq, p.c_start, p.c_end) AS v (customer, no, from_seq, window_start, window_end)
    WHERE v.from_seq IS NOT NULL;
  END IF;

  INSERT INTO core.idempotency (customer_id, key_month, key, fingerprint, recorded_at, seq, allowed, reason, answer)
  SELECT i.customer, i.month, i.key, i.fingerprint, p.at, i.seq, i.allowed, coalesce(i.reason, ''), i.answer::json
  FROM unnest(p.i_customer, p.i_month, p.i_kept, p.i_fingerprint, p.i_status, p.i_seq, p.i_allowed, p.i_reason, p.i_answer)
    AS i (customer, month, key, fingerprint, status, seq, allowed, reason, answer)
  WHERE i.status = 'NEW';
  IF true = ANY (p.i_allowed) THEN
    INSERT INTO core.usage_event (customer_id, seq, recorded_at, occurred_at, feature_id, entity_nos, session_id, dimensions, quantities,
                                  credits, shortfall, path, counters, reason, catalog_version)
    SELECT i.customer, i.seq, p.at, v_occurred[v_route[i.ask]], v_feature[v_route[i.ask]], CASE WHEN v_named[v_route[i.ask]] = '' OR strpos(v_named[v_route[i.ask]], ',') > 0 THEN ('[' || v_named[v_route[i.ask]] || ']')::json END, i.session,
           v_dimensions[v_price[v_route[i.ask]]], coalesce(i.quantities::json, v_quantities[i.ask]), CASE WHEN i.counters IS NULL THEN v_credits[i.ask] ELSE i.credits::json END, i.shortfall::json, translate(v_path[v_route[i.ask]], '{}', '[]')::json,
           CASE WHEN i.counters IS NULL THEN v_counters[v_route[i.ask]] ELSE nullif(i.counters, '[]')::json END, i.reason, p.catalog_version
    FROM unnest(p.i_customer, p.i_seq, p.i_status, p.i_allowed, p.i_ask, p.i_session, p.i_quantities, p.i_credits, p.i_shortfall, p.i_counters, p.i_reason)
      AS i (customer, seq, status, allowed, ask, session, quantities, credits, shortfall, counters, reason)
    WHERE i.status = 'NEW' AND i.allowed;
  END IF;
  IF cardinality(p.e_seq) > 0 THEN
    INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account, grant_no,
                                   amount, from_balance_after)
    SELECT e.customer, e.seq, e.leg, p.at, 'CONSUME', e.wallet, e.wallet, e.account, 'CONSUMED', e.grant_no, e.amount, e.balance
    FROM unnest(p.e_customer, p.e_seq, p.e_leg, p.e_wallet, p.e_account, p.e_grant, p.e_amount, p.e_balance)
      AS e (customer, seq, leg, wallet, account, grant_no, amount, balance);
  END IF;
  IF cardinality(array_remove(p.i_metadata, NULL)) > 0 THEN
    INSERT INTO core.usage_metadata (customer_id, seq, metadata)
    SELECT i.customer, i.seq, i.metadata
    FROM unnest(p.i_customer, p.i_seq, p.i_status, p.i_allowed, p.i_metadata) AS i (customer, seq, status, allowed, metadata)
    WHERE i.status = 'NEW' AND i.allowed AND i.metadata IS NOT NULL;
  END IF;

  UPDATE core.gate AS g
  SET seq = k.seq, last_at = p.at, last_no = k.last_no, created_count = g.created_count + k.created, entity_count = g.entity_count + k.created
  FROM unnest(p.k_id, p.k_seq, p.k_last_no, p.k_created, p.k_recorded) AS k (id, seq, last_no, created, recorded)
  WHERE k.recorded AND g.customer_id = k.id;
END
$$;
