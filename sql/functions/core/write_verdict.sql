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
  -- What observed budgets would have denied is told up to what its column holds: they stand in nobody's way.
  c_most CONSTANT numeric := 99999999999999999999999999999.999999999;
  -- Locals, since an element of an array inside a record is found by reading the array from its start. Rows are numbers, which find
  -- their columns in the arrays: unnest would make a row of every element of every array first.
  v_items integer := cardinality(p.i_customer);
  v_customer text[] := p.i_customer; v_status text[] := p.i_status; v_seq bigint[] := p.i_seq; v_allowed boolean[] := p.i_allowed; v_reason text[] := p.i_reason;
  v_month date[] := p.i_month; v_key bytea[] := p.i_kept; v_print bytea[] := p.i_fingerprint; v_answer text[] := p.i_answer;
  v_ask integer[] := p.i_ask; v_session text[] := p.i_session; v_own_quantities text[] := p.i_quantities; v_own_credits text[] := p.i_credits;
  v_shortfall text[] := p.i_shortfall; v_own_counters text[] := p.i_counters; v_balance numeric[] := p.i_balance; v_held numeric[] := p.i_held;
  v_route integer[] := p.a_route; v_due numeric[] := p.a_due; v_grant integer[] := p.r_grant; v_quantities json[] := p.a_quantities; v_credits json[] := p.a_credits;
  v_counters json[] := p.r_counters; v_price integer[] := p.r_price; v_feature text[] := p.r_feature; v_named text[] := p.r_named; v_path text[] := p.r_path;
  v_occurred timestamptz[] := p.r_occurred; v_dimensions json[] := p.p_dimensions;
  v_e_customer text[] := p.e_customer; v_e_seq bigint[] := p.e_seq; v_e_leg integer[] := p.e_leg; v_e_wallet integer[] := p.e_wallet;
  v_e_account core.account[] := p.e_account; v_e_grant bigint[] := p.e_grant; v_e_amount numeric[] := p.e_amount; v_e_balance numeric[] := p.e_balance;
  v_c_customer text[] := p.c_customer; v_c_no integer[] := p.c_no; v_c_is_new boolean[] := p.c_is_new; v_c_changed boolean[] := p.c_changed;
  v_c_used numeric[] := p.c_used; v_c_held numeric[] := p.c_held; v_c_denied integer[] := p.c_denied_count; v_c_from_seq bigint[] := p.c_from_seq;
  v_g_wallet integer[] := p.g_wallet; v_g_no bigint[] := p.g_no; v_g_remaining numeric[] := p.g_remaining; v_g_changed boolean[] := p.g_changed;
  v_w_customer text[] := p.w_customer; v_w_no integer[] := p.w_no; v_w_scheduled numeric[] := p.w_scheduled; v_w_available numeric[] := p.w_available;
  v_w_held numeric[] := p.w_held; v_e_held numeric[] := p.e_held; v_w_owed numeric[] := p.w_owed; v_w_shortfall numeric[] := p.w_shortfall; v_w_changed boolean[] := p.w_changed;
  v_k_id text[] := p.k_id; v_k_seq bigint[] := p.k_seq; v_k_last_no integer[] := p.k_last_no; v_k_created integer[] := p.k_created;
  v_k_recorded boolean[] := p.k_recorded;
  v_began boolean;
BEGIN
  IF p.n_no IS NOT NULL THEN
    INSERT INTO core.entity (customer_id, entity_no, entity_id, entity_type, parent_no, path, path_types, created_at)
    SELECT n.customer, n.no, n.id, n.types[1], n.path[2], n.path, n.types, p.at
    FROM (SELECT customer, no, id, path::integer[] AS path, types::text[] AS types
          FROM unnest(p.n_customer, p.n_no, p.n_id, p.n_path, p.n_types) AS n (customer, no, id, path, types)) AS n;
    INSERT INTO core.change (customer_id, seq, recorded_at, kind, subject, after, actor)
    SELECT n.customer, n.seq, p.at, 'ENTITY_CREATED', n.no::text,
           jsonb_build_object('entityNo', n.no, 'type', (n.types::text[])[1], 'parentNo', (n.path::integer[])[2]), 'unknownEntity'
    FROM unnest(p.n_customer, p.n_no, p.n_path, p.n_types, p.n_seq) AS n (customer, no, path, types, seq);
  END IF;
  IF true = ANY (p.g_changed) THEN
    UPDATE core.credit_grant AS g
    SET remaining = v_g_remaining[v.g], is_open = v_g_remaining[v.g] > 0 OR g.held > 0 OR p.holds,
        held = CASE WHEN p.holds THEN g.held + g.remaining - v_g_remaining[v.g] ELSE g.held END
    FROM generate_series(1, cardinality(v_g_no)) AS v (g)
    WHERE v_g_changed[v.g] AND g.customer_id = v_w_customer[v_g_wallet[v.g]] AND g.grant_no = v_g_no[v.g];
  END IF;
  IF true = ANY (p.w_is_new) THEN
    INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, created_at)
    SELECT v.customer, v.no, core.own_wallet_id(v.customer, v.type), 0, v.type, p.at
    FROM unnest(p.w_customer, p.w_no, p.w_type, p.w_is_new) AS v (customer, no, type, is_new) WHERE v.is_new;
  END IF;
  IF true = ANY (p.w_changed) THEN
    UPDATE core.wallet AS w
    SET scheduled = v_w_scheduled[v.w], available = v_w_available[v.w], owed = v_w_owed[v.w], shortfall = v_w_shortfall[v.w],
        held = CASE WHEN p.holds THEN v_w_held[v.w] ELSE w.held END
    FROM generate_series(1, cardinality(v_w_no)) AS v (w)
    WHERE v_w_changed[v.w] AND w.customer_id = v_w_customer[v.w] AND w.wallet_no = v_w_no[v.w];
  END IF;
  IF true = ANY (p.c_is_new) THEN
    INSERT INTO core.counter (customer_id, counter_no, budget_no, subject_no, session_id, window_start, window_end, used, held, would_deny_count,
                              would_deny_amount, last_used_at, is_watched)
    SELECT v.customer, v.no, v.budget, v.subject, v.session, v.window_start, v.window_end, v.used - v.held, v.held, v.denied_count, least(v.denied_amount, c_most), p.at,
           (SELECT b.thresholds <> '{}' FROM core.budget AS b WHERE b.customer_id = v.customer AND b.budget_no = v.budget)
    FROM unnest(p.c_customer, p.c_no, p.c_is_new, p.c_changed, p.c_budget, p.c_subject, p.c_session, p.c_start, p.c_end, p.c_used, p.c_held, p.c_denied_count, p.c_denied_amount)
      AS v (customer, no, is_new, changed, budget, subject, session, window_start, window_end, used, held, denied_count, denied_amount)
    WHERE v.is_new AND v.changed;
  END IF;
  v_began := cardinality(array_remove(p.c_from_seq, NULL)) > 0;
  IF true = ANY (p.c_changed) THEN
    -- Nearly all only add to their window; the others are written as a whole.
    UPDATE core.counter AS c
    SET used = v_c_used[v.c] - v_c_held[v.c], held = v_c_held[v.c], last_used_at = p.at
    FROM generate_series(1, cardinality(v_c_no)) AS v (c)
    WHERE v_c_changed[v.c] AND NOT v_c_is_new[v.c] AND v_c_denied[v.c] = 0 AND v_c_from_seq[v.c] IS NULL
      AND c.customer_id = v_c_customer[v.c] AND c.counter_no = v_c_no[v.c];
  END IF;
  IF v_began OR 0 <> ANY (p.c_denied_count) THEN
    UPDATE core.counter AS c
    SET used = v.used - v.held, window_start = v.window_start, window_end = v.window_end, held = v.held,
        would_deny_count = c.would_deny_count + v.denied_count, would_deny_amount = least(c.would_deny_amount + v.denied_amount, c_most),
        last_used_at = p.at
    FROM unnest(p.c_customer, p.c_no, p.c_is_new, p.c_changed, p.c_start, p.c_end, p.c_used, p.c_held, p.c_denied_count, p.c_denied_amount, p.c_from_seq)
      AS v (customer, no, is_new, changed, window_start, window_end, used, held, denied_count, denied_amount, from_seq)
    WHERE v.changed AND NOT v.is_new AND (v.denied_count > 0 OR v.from_seq IS NOT NULL) AND c.customer_id = v.customer AND c.counter_no = v.no;
  END IF;
  IF v_began THEN
    INSERT INTO core.counter_window (customer_id, counter_no, from_seq, window_start, window_end)
    SELECT v.customer, v.no, v.from_seq, v.window_start, v.window_end
    FROM unnest(p.c_customer, p.c_no, p.c_from_seq, p.c_start, p.c_end) AS v (customer, no, from_seq, window_start, window_end)
    WHERE v.from_seq IS NOT NULL;
  END IF;

  INSERT INTO core.idempotency (customer_id, key_month, key, fingerprint, recorded_at, seq, allowed, reason, answer)
  SELECT v_customer[i], v_month[i], v_key[i], v_print[i], p.at, v_seq[i], v_allowed[i], coalesce(v_reason[i], ''), v_answer[i]::json
  FROM generate_series(1, v_items) AS i
  WHERE v_status[i] = 'NEW';
  IF p.holds THEN
    PERFORM core.write_reservations(p);
  ELSIF true = ANY (p.i_allowed) THEN
    INSERT INTO core.usage_event (customer_id, seq, recorded_at, occurred_at, feature_id, entity_nos, session_id, dimensions, quantities,
                                  credits, shortfall, path, counters, reason, catalog_version)
    SELECT v_customer[i], v_seq[i], p.at, v_occurred[r], v_feature[r], CASE WHEN v_named[r] = '' OR strpos(v_named[r], ',') > 0 THEN ('[' || v_named[r] || ']')::json END,
           v_session[i], v_dimensions[v_price[r]], coalesce(v_own_quantities[i]::json, v_quantities[a]),
           CASE WHEN v_own_counters[i] IS NULL THEN v_credits[a] ELSE v_own_credits[i]::json END, v_shortfall[i]::json, translate(v_path[r], '{}', '[]')::json,
           CASE WHEN v_own_counters[i] IS NULL THEN v_counters[r] ELSE nullif(v_own_counters[i], '[]')::json END, v_reason[i], p.catalog_version
    FROM (SELECT i, v_ask[i] AS a, v_route[v_ask[i]] AS r FROM generate_series(1, v_items) AS i WHERE v_status[i] = 'NEW' AND v_allowed[i] OFFSET 0) AS i;
  END IF;
  INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account, grant_no,
                                 amount, from_balance_after, to_balance_after)
  SELECT v_customer[i], v_seq[i], 1, p.at, CASE WHEN p.holds THEN 'RESERVE' ELSE 'CONSUME' END::core.entry_kind, v_w_no[v_g_wallet[g]], v_w_no[v_g_wallet[g]],
         'AVAILABLE', CASE WHEN p.holds THEN 'HELD' ELSE 'CONSUMED' END::core.account, v_g_no[g], v_due[a], v_balance[i], v_held[i]
  FROM (SELECT i, v_ask[i] AS a, v_grant[v_route[v_ask[i]]] AS g FROM generate_series(1, v_items) AS i WHERE v_balance[i] IS NOT NULL OFFSET 0) AS i;
  IF cardinality(v_e_seq) > 0 THEN
    INSERT INTO core.ledger_entry (customer_id, seq, leg, recorded_at, kind, from_wallet_no, to_wallet_no, from_account, to_account, grant_no,
                                   amount, from_balance_after, to_balance_after)
    SELECT v_e_customer[e], v_e_seq[e], v_e_leg[e], p.at, CASE WHEN p.holds THEN 'RESERVE' ELSE 'CONSUME' END::core.entry_kind, v_e_wallet[e], v_e_wallet[e],
           v_e_account[e], CASE WHEN p.holds THEN 'HELD' ELSE 'CONSUMED' END::core.account, v_e_grant[e], v_e_amount[e], v_e_balance[e], v_e_held[e]
    FROM generate_series(1, cardinality(v_e_seq)) AS e;
  END IF;
  IF cardinality(array_remove(p.i_metadata, NULL)) > 0 THEN
    INSERT INTO core.usage_metadata (customer_id, seq, metadata)
    SELECT v_customer[m.i], v_seq[m.i], m.metadata
    FROM unnest(p.i_metadata) WITH ORDINALITY AS m (metadata, i)
    WHERE m.metadata IS NOT NULL AND v_status[m.i] = 'NEW' AND v_allowed[m.i];
  END IF;

  UPDATE core.gate AS g
  SET seq = v_k_seq[v.k], last_at = p.at, last_no = v_k_last_no[v.k], created_count = g.created_count + v_k_created[v.k],
      entity_count = g.entity_count + v_k_created[v.k]
  FROM generate_series(1, cardinality(v_k_id)) AS v (k)
  WHERE v_k_recorded[v.k] AND g.customer_id = v_k_id[v.k];
END
$$;
