-- The one decider: what check answers and what consume writes down.
--
-- STABLE, so that all it reads is one snapshot; consume calls it after it has locked the gates. It loads
-- what the whole batch needs with one statement per table, judges the items in order in memory, so that a
-- denied item does not count against later ones, and writes nothing.
--
-- What items share is loaded and found out once: see core.parse_items for *ask*, *route* and *price*. A customer whose
-- items *fit* whatever order they come in (all of them together stay within each limit and within the first grant of their
-- burn order) needs no second look at each; the others are judged one by one. Either way one piece of code books.
--
-- Look-ups are laterals with a LIMIT or OFFSET, and sequential scans are off: the planner, which cannot know how
-- long an array will be, must not turn them into scans of whole tables, nor keep a plan made while a table was empty.
-- Prefixes of the locals: i_ item, a_ ask, r_ route, p_ price, t_ credit type of a price, s_ stop (a wallet on a route, in
-- burn order), x_ charge (a counter on a route, in the order limits bind), w_ wallet, g_ grant, c_ counter,
-- u_ unknown entity, k_ customer, e_ ledger entry; b_ what is booked for the item at hand.
--
--   p_operation    first field of every fingerprint
--   p_customer_id  whose items they are where they do not say so; null where each must
--   p_customers    all customers of the items, each once, in the order of COLLATE "C"
--   p_held         for each of them, whether the caller holds its gate (a check: true): false is answered DEFERRED; null was not there
--   p_at           the instant
--   p_observe      decide and record, but enforce nothing
--
-- Raises UC100 for a malformed item.
CREATE OR REPLACE FUNCTION core.judge(
  p_operation text, p_customer_id text, p_customers text[], p_held boolean[], p_items jsonb, p_at timestamptz, p_observe boolean
) RETURNS core.verdict
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_memoize = off
AS $$
DECLARE
  c_too_much CONSTANT numeric := 1e29;
  v_request core.request;
  v_verdict core.verdict;
  v_row record;
  v_catalog bigint;
  v_installed timestamptz;
  v_sessions boolean;
  v_dry boolean;
  v_due boolean;
  v_alone boolean;
  -- customers
  v_k_seq bigint[]; v_k_no integer[]; v_k_created integer[]; v_k_suspended boolean[]; v_k_suspended_nos text[]; v_k_observe boolean[];
  v_k_deferred boolean[]; v_k_recorded boolean[]; v_k_unknown_type text[]; v_k_unknown_parent integer[]; v_k_unknown_left integer[];
  v_k_fits boolean[]; v_k_asked integer[];
  -- items
  v_i_customer text[]; v_i_key text[]; v_i_print bytea[]; v_i_ask integer[]; v_i_first integer[]; v_i_group text[];
  v_i_quantities text[]; v_i_old_print bytea[]; v_i_old_seq bigint[]; v_i_old_at timestamptz[]; v_i_old_reason text[]; v_i_old_answer text[];
  v_i_old_allowed boolean[]; v_items integer[];
  v_i_status text[]; v_i_allowed boolean[]; v_i_would boolean[]; v_i_reason text[]; v_i_seq bigint[]; v_i_at timestamptz[]; v_i_answer text[];
  v_i_shown text[]; v_i_bound integer[]; v_i_credits text[]; v_i_shortfall text[]; v_i_counters text[];
  -- asks
  v_a_route integer[]; v_a_amount integer[]; v_a_count integer[]; v_a_print bytea[]; v_a_quantities text[]; v_amounts numeric[]; v_a_due numeric[]; v_a_credits text[]; v_a_kept text[]; v_a_shown text[];
  -- routes
  v_r_k integer[]; v_r_price integer[]; v_r_overage text[]; v_r_customer text[]; v_r_feature text[]; v_r_session text[]; v_r_names text[];
  v_r_reason text[]; v_r_unbookable text[]; v_r_undeclared boolean[]; v_r_print bytea[];
  v_r_named text[]; v_r_path text[]; v_r_chain text[]; v_r_types text[]; v_r_unknown text[]; v_r_plain boolean[]; v_r_counted_type integer[]; v_r_counted text[]; v_r_counters text[];
  v_r_s_from integer[]; v_r_s_to integer[]; v_r_x_from integer[]; v_r_x_to integer[];
  v_r_grant integer[]; v_r_type integer[]; v_r_nearest integer[]; v_r_y_from integer[]; v_r_y_to integer[];
  v_r_kept_binding text[]; v_r_kept_end text[]; v_r_shown_binding text[]; v_r_shown_end text[];
  -- prices
  v_p_route integer[]; v_p_dimensions text[]; v_p_limits jsonb[]; v_p_step numeric[]; v_p_many integer[]; v_p_undeclared boolean[]; v_p_unbookable text[];
  v_p_priceless text[]; v_p_print bytea[]; v_p_t_from integer[]; v_p_t_to integer[]; v_p integer;
  -- credit types of prices: the price of t is Σ amount × rate ÷ t_over, exactly
  v_t_type text[]; v_t_unit numeric[]; v_t_decimals integer[]; v_t_over numeric[]; v_t_rate integer[]; v_rates numeric[];
  v_types integer := 0; v_over numeric; v_amount_of numeric[]; v_units_of numeric[];
  -- paths
  v_path integer[]; v_path_types text[]; v_nodes integer[];
  -- unknown entities
  v_unknown integer := 0; v_u_k integer[]; v_u_id text[]; v_u_no integer[]; v_u_path text[]; v_u_types text[]; v_u_seq bigint[]; v_u integer;
  -- stops, wallets, grants
  v_stops integer := 0; v_s_wallet integer[]; v_s_type integer[];
  v_wallets integer := 0; v_w_customer text[]; v_w_no integer[]; v_w_id text[]; v_w_type text[]; v_w_scheduled numeric[]; v_w_available numeric[];
  v_w_unbooked numeric[]; v_w_held text[]; v_w_leased text[]; v_w_owed numeric[]; v_w_unpaid numeric[]; v_w_shortfall numeric[];
  v_w_limit numeric[]; v_w_changed boolean[]; v_w_new boolean[]; v_w_dormant boolean[]; v_dormant boolean := false; v_may_record boolean; v_w_g_from integer[]; v_w_g_to integer[]; v_w_entity integer[]; v_w_kept text[]; v_w_shown text[];
  v_grants integer := 0; v_g_wallet integer[]; v_g_no bigint[]; v_g_left numeric[]; v_g_only text[]; v_g_scheduled boolean[]; v_g_changed boolean[];
  -- charges, counters
  v_x_route integer[]; v_x_counter integer[]; v_x_measure integer[]; v_x_on_credits boolean[]; v_x_limit numeric[]; v_x_plain boolean[];
  v_counters integer := 0; v_c_customer text[]; v_c_no integer[]; v_c_budget integer[]; v_c_budget_id text[]; v_c_subject integer[]; v_c_session text[];
  v_c_mode text[]; v_c_per_request boolean[]; v_c_limit numeric[]; v_c_advice text[]; v_c_start timestamptz[]; v_c_end timestamptz[]; v_c_used numeric[];
  v_c_held numeric[]; v_c_denied_count bigint[]; v_c_denied_amount numeric[]; v_c_from_seq bigint[]; v_c_rolled boolean[]; v_c_is_new boolean[];
  v_c_changed boolean[]; v_c_newcomer integer[]; v_c_label text[]; v_c_wanted numeric[]; v_c_askers text[]; v_c_resets text[]; v_c_tracked boolean[]; v_y_counter integer[]; v_y_amount integer[];
  -- entries
  v_entries integer := 0; v_e_customer text[]; v_e_seq bigint[]; v_e_leg integer[]; v_e_wallet integer[]; v_e_account core.account[];
  v_e_grant bigint[]; v_e_amount numeric[]; v_e_balance numeric[];
  -- a group, and the way back out of it
  v_turns integer[]; v_group_from integer; v_group_to integer; v_group_failed boolean; v_group_refused boolean; v_group_mixed boolean := false;
  v_saved record;
  -- the item at hand: what limits it
  v_i integer; v_ask integer; v_r integer; v_k integer; v_first integer; v_feature text; v_mode text; v_records boolean; v_phase text;
  v_reason text; v_would text; v_binding integer; v_denied_by integer; v_failed_quantity integer; v_failed_credits integer;
  v_nearest integer; v_near_used numeric; v_near_limit numeric; v_used numeric; v_too_much boolean;
  -- … what it asks and, for CAP, tries
  v_many integer; v_at integer; v_asked numeric; v_low numeric; v_high numeric; v_tried numeric;
  -- … the plan: price and what is left to pay in the type at hand, the unpaid share as a fraction, slices
  v_type integer; v_price numeric; v_left numeric; v_paid numeric; v_share_n numeric; v_share_d numeric; v_unpaid_n numeric; v_unpaid_d numeric;
  v_done boolean; v_m numeric[]; v_one_type integer; v_simple boolean; v_slices integer; v_p_grant integer[]; v_p_wallet integer[]; v_p_amount numeric[];
  v_drawn numeric; v_drawn_wallet integer; v_short numeric; v_short_wallet integer; v_short_type integer;
  v_t_from integer; v_s_from integer; v_s_to integer; v_s_last integer; v_x_from integer; v_x_to integer;
  -- … and the answer: with numbers to keep (v_text), with ids to show
  v_seq bigint; v_leg integer; v_text text; v_shown text; v_balances text; v_balances_shown text; v_credits text;
  v_fell_short text; v_instant text; v_counted text; v_warned text; v_warned_shown text;
  v_a numeric; v_s integer; v_t integer; v_w integer; v_g integer; v_x integer; v_c integer; v_j integer; v_n integer; v_o integer;
BEGIN
  v_dry := p_operation = 'check';
  SELECT catalog_version, installed_at INTO v_catalog, v_installed FROM core.installation;

  -- Customers.
  SELECT array_agg(seq), array_agg(last_no), array_agg(0), array_agg(is_suspended), array_agg(suspended), array_agg(observe OR p_observe),
         array_agg(held IS FALSE), array_agg(creates), array_agg(unknown_parent_no), array_agg(unknown_left),
         coalesce(bool_or(counts_sessions), false), coalesce(bool_or(next_due_at <= p_at), false), array_agg(false), array_agg(NULL::integer)
  INTO v_k_seq, v_k_no, v_k_created, v_k_suspended, v_k_suspended_nos, v_k_observe, v_k_deferred, v_k_unknown_type, v_k_unknown_parent,
       v_k_unknown_left, v_sessions, v_due, v_k_recorded, v_k_asked
  FROM (
    SELECT g.*, c.held, CASE WHEN g.suspended_entities <> '{}' THEN g.suspended_entities::text END AS suspended, g.unknown_max - g.created_count AS unknown_left,
           CASE WHEN g.unknown_entity = 'CREATE' THEN g.unknown_type END AS creates
    FROM unnest(p_customers, p_held) WITH ORDINALITY AS c (id, held, k)
    LEFT JOIN core.gate AS g ON g.customer_id = c.id AND c.held
    ORDER BY c.k
  ) AS c;

  -- Items.
  v_request := core.parse_items(p_operation, p_customer_id, p_items, p_at, v_sessions, date_trunc('month', v_installed, 'UTC')::date);
  v_i_customer := v_request.i_customer; v_i_key := v_request.i_key; v_i_print := v_request.i_print; v_i_ask := v_request.i_ask;
  v_i_first := v_request.i_first; v_i_group := v_request.i_group;
  v_a_route := v_request.a_route; v_a_amount := v_request.a_amount; v_a_count := v_request.a_count; v_a_print := v_request.a_print;
  v_a_quantities := v_request.a_quantities; v_amounts := v_request.amounts;
  v_r_k := v_request.r_k; v_r_price := v_request.r_price; v_r_overage := v_request.r_overage; v_r_customer := v_request.r_customer;
  v_r_feature := v_request.r_feature; v_r_session := v_request.r_session; v_r_names := v_request.r_names; v_r_print := v_request.r_print;
  v_turns := v_request.turns;
  -- Every item has an element in every array, since unnest pairs them by position.
  v_items := ARRAY[cardinality(v_i_key)];
  v_i_reason := array_fill(NULL::text, v_items); v_i_status := v_i_reason; v_i_credits := v_i_reason; v_i_quantities := v_i_reason;
  v_i_shortfall := v_i_reason; v_i_counters := v_i_reason; v_i_answer := array_fill('{}'::text, v_items); v_i_shown := array_fill('{'::text, v_items);
  v_i_allowed := array_fill(false, v_items); v_i_would := v_i_allowed; v_i_seq := array_fill(NULL::bigint, v_items);
  v_i_bound := array_fill(NULL::integer, v_items); v_i_at := array_fill(p_at, v_items);

  -- Prices: the feature, and the dimensions as one object.
  SELECT array_agg(p.route), array_agg(d.dimensions::text), array_agg(nullif(f.request_limits, '{}')), array_agg(f.step), array_agg(cardinality(p.names)),
         array_agg(int4send(coalesce(hashtext(d.dimensions::text), 0))),
         array_agg(CASE WHEN NOT f.archived AND (
             cardinality(p.names) <> (SELECT count(DISTINCT n) FROM unnest(p.names) AS n)
             OR d.dimensions - f.dimensions <> '{}' OR d.many <> (SELECT count(*) FROM jsonb_object_keys(d.dimensions))) THEN true END),
         array_agg(CASE WHEN coalesce(f.archived, true) THEN 'FEATURE_NOT_FOUND' END),
         array_agg(CASE WHEN NOT p.names || coalesce(string_to_array(v_request.r_zeros[p.route], ','), '{}') <@ f.quantities THEN 'FEATURE_TYPE_MISMATCH' ELSE 'NO_RATE' END),
         coalesce(bool_or(d.malformed), false)
  INTO v_p_route, v_p_dimensions, v_p_limits, v_p_step, v_p_many, v_p_print, v_p_undeclared, v_p_unbookable, v_p_priceless, v_done
  FROM (SELECT r.price, min(r.route)::integer AS route, string_to_array(v_r_names[min(r.route)], ',') AS names
        FROM unnest(v_r_price) WITH ORDINALITY AS r (price, route) GROUP BY r.price ORDER BY r.price) AS p
  LEFT JOIN LATERAL (SELECT * FROM core.feature WHERE feature_id = v_r_feature[p.route] AND catalog_version <= v_catalog
                     ORDER BY catalog_version DESC LIMIT 1) AS f ON true
  LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(coalesce(d ->> 'key', ''), d ->> 'value') AS dimensions, count(*) AS many,
           bool_or(jsonb_typeof(d -> 'key') IS DISTINCT FROM 'string' OR jsonb_typeof(d -> 'value') IS DISTINCT FROM 'string' OR d - '{key,value}'::text[] <> '{}') AS malformed
    FROM jsonb_array_elements(v_request.r_dimensions[p.route]) AS d) AS d ON d.many > 0;
  IF v_done THEN
    PERFORM core.refuse_malformed(p_items, p_customer_id, p_at);
  END IF;

  -- Rates: of each credit type that has one for every quantity asked, the most specific, then the latest.
  FOR v_row IN
    SELECT p.price, t.credit_type, c.decimals, x.*
    FROM unnest(v_p_route, v_p_dimensions) WITH ORDINALITY AS p (route, dimensions, price)
    CROSS JOIN LATERAL (SELECT credit_types FROM core.feature WHERE feature_id = v_r_feature[p.route] AND catalog_version <= v_catalog
                        ORDER BY catalog_version DESC LIMIT 1) AS f
    CROSS JOIN unnest(f.credit_types) WITH ORDINALITY AS t (credit_type, rank)
    CROSS JOIN LATERAL (
      SELECT array_agg(x.amount) AS amounts, array_agg(x.per_units::numeric) AS units, core.lcm(x.per_units) AS over
      FROM unnest(string_to_array(v_r_names[p.route], ',')) AS n (name)
      CROSS JOIN LATERAL (
        SELECT x.amount, x.per_units FROM core.rate AS x
        WHERE x.feature_id = v_r_feature[p.route] AND x.credit_type = t.credit_type AND x.quantity = n.name
          AND x.effective_from <= coalesce(v_request.r_occurred[p.route], p_at) AND x.catalog_version <= v_catalog
          AND (x.dimensions = '{}' OR p.dimensions::jsonb @> x.dimensions)
        ORDER BY x.specificity DESC, x.effective_from DESC, x.catalog_version DESC LIMIT 1) AS x) AS x
    CROSS JOIN LATERAL (SELECT decimals FROM core.credit_type AS c WHERE c.credit_type = t.credit_type LIMIT 1) AS c
    WHERE cardinality(x.amounts) = v_p_many[p.price]
    ORDER BY p.price, t.rank
  LOOP
    v_types := v_types + 1;
    v_p_t_from[v_row.price] := coalesce(v_p_t_from[v_row.price], v_types);
    v_p_t_to[v_row.price] := v_types;
    v_t_type[v_types] := v_row.credit_type; v_t_decimals[v_types] := v_row.decimals; v_t_unit[v_types] := ('1e-' || v_row.decimals)::numeric;
    v_t_rate[v_types] := coalesce(cardinality(v_rates), 0);
    -- A common denominator that is a power of ten goes into the rates, which stay exact decimals.
    v_over := CASE WHEN rtrim(v_row.over::text, '0') = '1' THEN ('1e-' || (length(v_row.over::text) - 1))::numeric END;
    v_t_over[v_types] := CASE WHEN v_over IS NULL THEN v_row.over ELSE 1 END;
    FOR v_n IN 1 .. v_p_many[v_row.price] LOOP
      v_rates[v_t_rate[v_types] + v_n] := trim_scale(v_row.amounts[v_n] * (v_row.over / v_row.units[v_n]) * coalesce(v_over, 1));
    END LOOP;
  END LOOP;

  -- Keys that were seen before; a check has none. Keys of one customer and one month are found in one descent; for the others the
  -- months are named once more, so that other partitions are not even opened.
  FOR v_row IN
    SELECT i.o, m.*
    FROM (SELECT m.key, m.fingerprint, m.seq, m.recorded_at, m.allowed, nullif(m.reason, '') AS reason, m.answer::text AS answer FROM core.idempotency AS m
          WHERE m.customer_id = p_customer_id AND m.key_month = v_request.month_from AND m.key = ANY (v_i_key)
            AND NOT v_dry AND v_request.month_from = v_request.month_to OFFSET 0) AS m
    JOIN unnest(v_i_key) WITH ORDINALITY AS i (key, o) ON i.key = m.key
    UNION ALL
    SELECT i.o, m.*
    FROM unnest(v_i_customer, v_request.i_month, v_i_key) WITH ORDINALITY AS i (customer, month, key, o)
    CROSS JOIN LATERAL (SELECT m.key, m.fingerprint, m.seq, m.recorded_at, m.allowed, nullif(m.reason, '') AS reason, m.answer::text AS answer FROM core.idempotency AS m
                        WHERE m.customer_id = i.customer AND m.key_month = i.month AND m.key = i.key
                          AND m.key_month BETWEEN v_request.month_from AND v_request.month_to LIMIT 1) AS m
    WHERE NOT v_dry AND (p_customer_id IS NULL OR v_request.month_from < v_request.month_to)
  LOOP
    v_i := v_row.o;
    v_i_old_print[v_i] := v_row.fingerprint; v_i_old_seq[v_i] := v_row.seq; v_i_old_at[v_i] := v_row.recorded_at;
    v_i_old_allowed[v_i] := v_row.allowed; v_i_old_reason[v_i] := v_row.reason; v_i_old_answer[v_i] := v_row.answer;
  END LOOP;

  -- What a route has of its customer and its price, and where it goes: `path` is each entity named and all above it, each once, in the
  -- order of the axes, leaf upwards, the customer last; `chain` has every axis as a whole, one after the other.
  v_r_s_from := array_fill(1, ARRAY[cardinality(v_r_k)]); v_r_s_to := array_fill(0, ARRAY[cardinality(v_r_k)]);
  v_r_x_from := v_r_s_from; v_r_x_to := v_r_s_to;
  FOR v_row IN
    SELECT r.route, a.id, e.path, e.path_types, e.path::text AS path_text, e.path_types::text AS types_text
    FROM unnest(v_r_customer, v_request.r_entities) WITH ORDINALITY AS r (customer, ids, route)
    LEFT JOIN LATERAL jsonb_array_elements_text(r.ids) WITH ORDINALITY AS a (id, axis) ON true
    LEFT JOIN LATERAL (SELECT * FROM core.entity AS e
                       WHERE e.customer_id = r.customer AND e.entity_id = a.id AND e.archived_at IS NULL LIMIT 1) AS e ON true
    ORDER BY r.route, a.axis
  LOOP
    v_r := v_row.route;
    v_k := v_r_k[v_r];
    IF v_r_named[v_r] IS NULL THEN
      v_p := v_r_price[v_r];
      v_r_named[v_r] := '';
      v_r_path[v_r] := '{0}';
      v_r_chain[v_r] := '{0}';
      v_r_types[v_r] := '{customer}';
      v_r_print[v_r] := v_r_print[v_r] || v_p_print[v_p];
      v_r_unbookable[v_r] := v_p_unbookable[v_p];
      v_r_reason[v_r] := CASE WHEN v_k_suspended[v_k] THEN 'CUSTOMER_SUSPENDED' ELSE v_p_unbookable[v_p] END;
      v_r_undeclared[v_r] := coalesce(v_p_undeclared[v_p], v_request.r_occurred[v_r] > p_at OR v_request.r_occurred[v_r] < date_trunc('month', p_at, 'UTC'), false);
    END IF;
    CONTINUE WHEN v_row.id IS NULL;
    IF v_row.path IS NOT NULL AND v_r_named[v_r] = '' AND v_k_suspended_nos[v_k] IS NULL THEN
      -- One known entity: nearly always the only one.
      v_r_named[v_r] := v_row.path[1];
      v_r_path[v_r] := v_row.path_text;
      v_r_chain[v_r] := v_row.path_text;
      v_r_types[v_r] := v_row.types_text;
      CONTINUE;
    END IF;
    v_path := v_row.path;
    v_path_types := v_row.path_types;
    IF v_path IS NULL THEN
      -- Unknown: created by the first allowed item that names it, where the customer says so.
      v_u := NULL;
      FOR v_j IN 1 .. v_unknown LOOP
        IF v_u_k[v_j] = v_k AND v_u_id[v_j] = v_row.id THEN
          v_u := v_j;
          EXIT;
        END IF;
      END LOOP;
      IF v_u IS NULL AND v_k_unknown_type[v_k] IS NOT NULL AND v_k_unknown_left[v_k] > 0 AND length(v_row.id) BETWEEN 1 AND 128 THEN
        SELECT e.path, e.path_types INTO v_path, v_path_types
        FROM core.entity AS e
        WHERE e.customer_id = v_r_customer[v_r] AND e.entity_no = v_k_unknown_parent[v_k];
        v_unknown := v_unknown + 1;
        v_u := v_unknown;
        v_k_no[v_k] := v_k_no[v_k] + 1;
        v_u_k[v_u] := v_k;
        v_u_id[v_u] := v_row.id;
        v_u_no[v_u] := v_k_no[v_k];
        v_u_path[v_u] := (v_u_no[v_u] || v_path)::text;
        v_u_types[v_u] := (v_k_unknown_type[v_k] || v_path_types)::text;
        v_u_seq[v_u] := NULL;
      END IF;
      IF v_u IS NULL THEN
        v_r_reason[v_r] := coalesce(v_r_reason[v_r], 'ENTITY_NOT_FOUND');
        v_r_unbookable[v_r] := coalesce(v_r_unbookable[v_r], 'ENTITY_NOT_FOUND');
        CONTINUE;
      END IF;
      v_path := v_u_path[v_u]::integer[];
      v_path_types := v_u_types[v_u]::text[];
      v_r_unknown[v_r] := concat_ws(',', v_r_unknown[v_r], v_u);
    END IF;
    IF v_k_suspended_nos[v_k] IS NOT NULL AND v_path && v_k_suspended_nos[v_k]::integer[] THEN
      v_r_reason[v_r] := coalesce(v_r_reason[v_r], 'ENTITY_SUSPENDED');
    END IF;
    IF v_r_named[v_r] = '' THEN
      v_r_named[v_r] := v_path[1];
      v_r_path[v_r] := v_path::text;
      v_r_chain[v_r] := v_path::text;
      v_r_types[v_r] := v_path_types::text;
    ELSE
      v_r_named[v_r] := v_r_named[v_r] || ',' || v_path[1];
      v_nodes := trim_array(v_r_path[v_r]::integer[], 1);
      FOR v_j IN 1 .. cardinality(v_path) - 1 LOOP
        IF v_path[v_j] <> ALL (v_nodes) THEN
          v_nodes := v_nodes || v_path[v_j];
        END IF;
      END LOOP;
      v_r_path[v_r] := (v_nodes || 0)::text;
      v_r_chain[v_r] := (v_r_chain[v_r]::integer[] || v_path)::text;
      v_r_types[v_r] := (v_r_types[v_r]::text[] || v_path_types)::text;
    END IF;
  END LOOP;
  FOR v_r IN 1 .. cardinality(v_r_k) LOOP
    v_p := v_r_price[v_r];
    v_k := v_r_k[v_r];
    -- An entity that is not found comes before one that is suspended, on whatever axis either stands.
    IF v_r_unbookable[v_r] = 'ENTITY_NOT_FOUND' AND v_r_reason[v_r] = 'ENTITY_SUSPENDED' THEN
      v_r_reason[v_r] := 'ENTITY_NOT_FOUND';
    END IF;
    IF v_p_t_from[v_p] IS NULL OR v_p_priceless[v_p] = 'FEATURE_TYPE_MISMATCH' THEN
      v_r_reason[v_r] := coalesce(v_r_reason[v_r], v_p_priceless[v_p]);
      v_r_unbookable[v_r] := coalesce(v_r_unbookable[v_r], v_p_priceless[v_p]);
    END IF;
    v_r_plain[v_r] := NOT v_k_deferred[v_k] AND v_k_seq[v_k] IS NOT NULL AND v_r_reason[v_r] IS NULL AND NOT v_r_undeclared[v_r] AND v_r_unknown[v_r] IS NULL;
  END LOOP;

  -- Wallets: of every node, of every acceptable type, in burn order. What is recorded where no wallet is makes the
  -- customer's own: until then that one is dormant.
  v_may_record := 'RECORD' = ANY (v_r_overage) OR true = ANY (v_k_observe);
  FOR v_row IN
    SELECT s.*, dense_rank() OVER (ORDER BY s.k, s.node, s.credit_type COLLATE "C") AS slot
    FROM (
      SELECT r.route, r.k, n.place, array_position(v_t_type, w.credit_type, coalesce(v_p_t_from[r.price], 1)) AS t, w.entity_no AS node, w.credit_type,
             w.wallet_no, w.wallet_id, w.scheduled, w.available, w.held, w.leased, w.owed, w.shortfall, w.overdraft_limit
      FROM unnest(v_r_k, v_r_customer, v_r_path, v_r_price) WITH ORDINALITY AS r (k, customer, path, price, route)
      CROSS JOIN LATERAL unnest(r.path::integer[]) WITH ORDINALITY AS n (no, place)
      CROSS JOIN LATERAL (SELECT * FROM core.wallet AS w WHERE w.customer_id = r.customer AND w.entity_no = n.no OFFSET 0) AS w
      UNION ALL
      SELECT r.route, r.k, array_position(v_r_path[r.route]::integer[], 0), t.t, 0, v_t_type[t.t], NULL, NULL, 0, 0, 0, 0, 0, 0, 0
      FROM unnest(v_r_k, v_r_customer, v_r_price) WITH ORDINALITY AS r (k, customer, price, route)
      CROSS JOIN LATERAL generate_series(v_p_t_from[r.price], v_p_t_to[r.price]) AS t (t)
      WHERE v_may_record AND NOT EXISTS (
        SELECT FROM core.wallet AS w WHERE w.customer_id = r.customer AND w.entity_no = 0 AND w.credit_type = v_t_type[t.t])
    ) AS s
    WHERE s.t <= v_p_t_to[v_r_price[s.route]]
    ORDER BY s.route, s.place, s.t
  LOOP
    v_stops := v_stops + 1;
    v_r := v_row.route;
    v_w := v_row.slot;
    v_s_wallet[v_stops] := v_w;
    v_s_type[v_stops] := v_row.t;
    IF v_r_s_to[v_r] = 0 THEN
      v_r_s_from[v_r] := v_stops;
    END IF;
    v_r_s_to[v_r] := v_stops;
    CONTINUE WHEN v_w_customer[v_w] IS NOT NULL;
    v_wallets := greatest(v_wallets, v_w);
    v_w_customer[v_w] := v_r_customer[v_r]; v_w_no[v_w] := v_row.wallet_no; v_w_id[v_w] := to_json(coalesce(v_row.wallet_id, 'customer:' || v_row.credit_type))::text;
    v_w_type[v_w] := v_row.credit_type; v_w_entity[v_w] := v_row.node; v_w_dormant[v_w] := v_row.wallet_no IS NULL;
    v_w_scheduled[v_w] := trim_scale(v_row.scheduled); v_w_available[v_w] := trim_scale(v_row.available);
    v_w_held[v_w] := trim_scale(v_row.held)::text; v_w_leased[v_w] := trim_scale(v_row.leased)::text;
    v_w_owed[v_w] := trim_scale(v_row.owed); v_w_shortfall[v_w] := trim_scale(v_row.shortfall); v_w_limit[v_w] := trim_scale(v_row.overdraft_limit);
    v_dormant := v_dormant OR v_w_dormant[v_w];
  END LOOP;
  v_w_changed := array_fill(false, ARRAY[v_wallets]); v_w_new := v_w_changed;
  v_w_g_from := array_fill(1, ARRAY[v_wallets]); v_w_g_to := array_fill(0, ARRAY[v_wallets]);
  v_w_unbooked := array_fill(0::numeric, ARRAY[v_wallets]); v_w_unpaid := v_w_unbooked;

  -- Their open grants, in burn order within a wallet; what time has brought counts, booked or not.
  FOR v_row IN
    SELECT w.slot, g.grant_no, trim_scale(g.remaining) AS left_over, ',' || array_to_string(g.features, ',') || ',' AS only,
           g.is_scheduled, g.effective_at, g.expires_at <= p_at AS is_expired
    FROM unnest(v_w_customer, v_w_no) WITH ORDINALITY AS w (customer, wallet, slot)
    CROSS JOIN LATERAL (SELECT * FROM core.credit_grant AS g
                        WHERE g.customer_id = w.customer AND g.wallet_no = w.wallet AND g.is_open AND g.effective_at <= p_at OFFSET 0) AS g
    ORDER BY w.slot, g.priority, g.expires_at, g.grant_kind <> 'PROMOTIONAL', g.effective_at, g.grant_no
  LOOP
    v_w := v_row.slot;
    v_a := v_row.left_over;
    IF v_row.is_scheduled THEN
      -- As its booking will: what the wallet owes is paid first, by the grants in the order they took effect.
      SELECT least(v_a, greatest(v_w_owed[v_w] - coalesce(sum(g.remaining), 0), 0)) INTO v_paid
      FROM core.credit_grant AS g
      WHERE g.customer_id = v_w_customer[v_w] AND g.wallet_no = v_w_no[v_w] AND g.is_open AND g.is_scheduled
        AND (g.effective_at, g.grant_no) < (v_row.effective_at, v_row.grant_no);
      v_w_unpaid[v_w] := v_w_unpaid[v_w] + v_paid;
      v_a := v_a - v_paid;
      CONTINUE WHEN v_row.is_expired;
      v_w_unbooked[v_w] := v_w_unbooked[v_w] + v_a;
    ELSIF v_row.is_expired THEN
      v_w_unbooked[v_w] := v_w_unbooked[v_w] - v_a;
      CONTINUE;
    END IF;
    v_grants := v_grants + 1;
    v_g_wallet[v_grants] := v_w; v_g_no[v_grants] := v_row.grant_no; v_g_left[v_grants] := v_a;
    v_g_only[v_grants] := v_row.only; v_g_scheduled[v_grants] := v_row.is_scheduled;
    IF v_w_g_to[v_w] = 0 THEN
      v_w_g_from[v_w] := v_grants;
    END IF;
    v_w_g_to[v_w] := v_grants;
  END LOOP;
  v_g_changed := array_fill(false, ARRAY[v_grants]);

  -- Budgets of every node and the counters they charge, in the order they bind: leaf, shorter window, id.
  SELECT array_agg(c.route), array_agg(c.nth), array_agg(c.on_credits), array_agg(c.in_force), array_agg(c.mode = 'HARD' AND c.budget_window <> 'REQUEST'),
         array_agg(c.customer_id), array_agg(c.counter_no), array_agg(c.counter_no IS NULL), array_agg(c.budget_no), array_agg(to_json(c.budget_id)::text),
         array_agg(c.subject), array_agg(c.session), array_agg(c.mode), array_agg(c.budget_window = 'REQUEST'), array_agg(trim_scale(c.in_force)),
         array_agg(c.advice::text), array_agg(CASE WHEN c.goes_on THEN c.window_start ELSE w.starts_at END), array_agg(CASE WHEN c.goes_on THEN c.window_end ELSE w.ends_at END),
         array_agg(NOT c.goes_on), array_agg(CASE WHEN c.goes_on THEN trim_scale(c.held) ELSE 0 END), array_agg(CASE WHEN c.goes_on THEN trim_scale(c.used + c.held) ELSE 0 END),
         array_agg(coalesce(c.would_deny_count, 0)), array_agg(coalesce(trim_scale(c.would_deny_amount), 0)), array_agg(NULL::bigint), array_agg(false)
  INTO v_x_route, v_x_measure, v_x_on_credits, v_x_limit, v_x_plain,
       v_c_customer, v_c_no, v_c_is_new, v_c_budget, v_c_budget_id, v_c_subject, v_c_session, v_c_mode, v_c_per_request, v_c_limit, v_c_advice,
       v_c_start, v_c_end, v_c_rolled, v_c_held, v_c_used, v_c_denied_count, v_c_denied_amount, v_c_from_seq, v_c_changed
  FROM (
    SELECT d.*
    FROM (
      SELECT r.route, CASE b.subject_kind WHEN 'EACH' THEN array_position(v_r_path[r.route]::integer[], s.subject) ELSE o.place END AS place, s.subject,
             CASE WHEN b.subject_kind = 'SESSION' THEN coalesce(v_r_session[r.route], '') ELSE '' END AS session,
             CASE WHEN b.quantity IS NOT NULL THEN array_position(string_to_array(v_r_names[r.route], ','), b.quantity)
                  WHEN array_position(v_t_type, b.credit_type, coalesce(v_p_t_from[r.price], 1)) <= v_p_t_to[r.price]
                    THEN v_p_many[r.price] + array_position(v_t_type, b.credit_type, coalesce(v_p_t_from[r.price], 1)) - v_p_t_from[r.price] + 1 END AS nth,
             b.customer_id, b.budget_no, b.budget_id, b.quantity IS NULL AS on_credits, b.budget_window, b.time_zone, b.anchor_at, b.window_rank, b.mode, b.advice,
             least(b.amount_limit + b.raised - CASE WHEN v_due THEN (
               SELECT coalesce(sum(e.amount), 0) FROM core.budget_raise AS e
               WHERE e.customer_id = b.customer_id AND e.budget_no = b.budget_no AND NOT e.has_ended AND e.until <= p_at) ELSE 0 END, c_too_much) AS in_force,
             c.counter_no, c.window_start, c.window_end, c.used, c.held, c.would_deny_count, c.would_deny_amount,
             -- A session is forgotten thirty days after its last use.
             coalesce(c.window_end > p_at AND (b.subject_kind <> 'SESSION' OR c.last_used_at > p_at - interval '720 hours'), false) AS goes_on
      FROM unnest(v_r_customer, v_r_path, v_r_price) WITH ORDINALITY AS r (customer, path, price, route)
      CROSS JOIN LATERAL unnest(r.path::integer[]) WITH ORDINALITY AS o (no, place)
      CROSS JOIN LATERAL (SELECT * FROM core.budget AS b WHERE b.customer_id = r.customer AND b.entity_no = o.no AND b.is_active OFFSET 0) AS b
      CROSS JOIN LATERAL unnest(CASE WHEN b.subject_kind = 'EACH'
        THEN core.subjects_below(v_r_chain[r.route]::integer[], v_r_types[r.route]::text[], b.entity_no, b.each_type) ELSE ARRAY[b.entity_no] END) AS s (subject)
      LEFT JOIN LATERAL (SELECT * FROM core.counter AS c
                         WHERE c.customer_id = b.customer_id AND c.budget_no = b.budget_no AND c.subject_no = s.subject
                           AND c.session_id = CASE WHEN b.subject_kind = 'SESSION' THEN coalesce(v_r_session[r.route], '') ELSE '' END LIMIT 1) AS c ON true
      WHERE (b.feature_id IS NULL OR b.feature_id = v_r_feature[r.route]) AND (b.dimensions = '{}' OR v_p_dimensions[r.price]::jsonb @> b.dimensions)
      OFFSET 0
    ) AS d
    WHERE d.nth IS NOT NULL
    ORDER BY d.route, d.place, d.window_rank, d.budget_id COLLATE "C"
  ) AS c
  LEFT JOIN LATERAL (
    -- Time zones are asked only where a window has ended: a condition beside the function would not keep it from being called.
    SELECT w.* FROM (SELECT WHERE NOT c.goes_on OFFSET 0) AS begins
    CROSS JOIN LATERAL core.window_of(c.budget_window, c.time_zone, c.anchor_at, CASE WHEN c.budget_window = 'BILLING_PERIOD' THEN (
      SELECT u.created_at FROM core.customer AS u WHERE u.customer_id = c.customer_id) END, p_at) AS w) AS w ON true;
  -- A counter that several routes charge is the one that was loaded first.
  v_alone := cardinality(v_r_k) = cardinality(p_customers);
  IF NOT v_alone THEN
    SELECT array_agg(first ORDER BY x) INTO v_x_counter
    FROM (SELECT x::integer, min(x::integer) OVER (PARTITION BY customer, budget, subject, session) AS first
          FROM unnest(v_c_customer, v_c_budget, v_c_subject, v_c_session) WITH ORDINALITY AS c (customer, budget, subject, session, x)) AS c;
  END IF;
  v_counters := coalesce(cardinality(v_c_no), 0);
  -- Those whose subject nobody has made yet.
  FOR v_u IN 1 .. v_unknown LOOP
    FOR v_c IN 1 .. v_counters LOOP
      IF v_c_subject[v_c] = v_u_no[v_u] AND v_c_customer[v_c] = p_customers[v_u_k[v_u]] THEN
        v_c_newcomer[v_c] := v_u;
      END IF;
    END LOOP;
  END LOOP;
  FOR v_x IN 1 .. coalesce(cardinality(v_x_route), 0) LOOP
    v_r := v_x_route[v_x];
    IF v_alone THEN
      v_x_counter[v_x] := v_x;
    END IF;
    IF v_r_x_to[v_r] = 0 THEN
      v_r_x_from[v_r] := v_x;
    END IF;
    v_r_x_to[v_r] := v_x;
  END LOOP;

  -- Who fits: all items of the customer together stay within the first grant of each route's burn order and within
  -- every limit, so that each passes whatever came before it; and which budget is the nearest of each route all the while.
  -- What they all change alike is changed at once; what each changes for the next, when it is booked.
  v_k_fits := array_fill(v_turns IS NULL AND v_i_first IS NULL AND v_i_old_print IS NULL, ARRAY[cardinality(p_customers)]);
  IF v_k_fits[1] THEN
    v_c_wanted := array_fill(0::numeric, ARRAY[v_counters]);
    FOR v_ask IN 1 .. cardinality(v_a_route) LOOP
      v_k := v_r_k[v_a_route[v_ask]];
      v_k_asked[v_k] := coalesce(v_k_asked[v_k], 0) + v_a_count[v_ask];
    END LOOP;
    FOR v_r IN 1 .. cardinality(v_r_k) LOOP
      IF v_r_plain[v_r] AND v_p_limits[v_r_price[v_r]] IS NULL THEN
        v_feature := ',' || v_r_feature[v_r] || ',';
        <<first_grant>>
        FOR v_s IN v_r_s_from[v_r] .. v_r_s_to[v_r] LOOP
          EXIT WHEN v_s_type[v_s] <> v_s_type[v_r_s_from[v_r]];
          v_w := v_s_wallet[v_s];
          FOR v_g IN v_w_g_from[v_w] .. v_w_g_to[v_w] LOOP
            IF v_g_left[v_g] > 0 AND strpos(v_g_only[v_g], v_feature) IS DISTINCT FROM 0 THEN -- null: any feature
              IF NOT v_g_scheduled[v_g] THEN
                v_r_grant[v_r] := v_g;
                v_r_type[v_r] := v_s_type[v_s];
              END IF;
              EXIT first_grant;
            END IF;
          END LOOP;
        END LOOP first_grant;
      END IF;
      IF v_r_grant[v_r] IS NULL THEN
        v_k_fits[v_r_k[v_r]] := false;
      END IF;
    END LOOP;

    FOR v_ask IN 1 .. cardinality(v_a_route) LOOP
      v_r := v_a_route[v_ask];
      v_k := v_r_k[v_r];
      CONTINUE WHEN NOT v_k_fits[v_k];
      v_t := v_r_type[v_r];
      v_p := v_r_price[v_r];
      v_many := v_p_many[v_p];
      v_at := v_a_amount[v_ask];
      v_j := v_t_rate[v_t];
      v_price := v_amounts[v_at + 1] * v_rates[v_j + 1];
      FOR v_n IN 2 .. v_many LOOP
        v_price := v_price + v_amounts[v_at + v_n] * v_rates[v_j + v_n];
      END LOOP;
      v_left := div(v_price, v_t_over[v_t] * v_t_unit[v_t]) * v_t_unit[v_t];
      IF v_left * v_t_over[v_t] < v_price THEN
        v_left := v_left + v_t_unit[v_t];
      END IF;
      v_a_due[v_ask] := trim_scale(v_left);
      v_paid := v_left * v_a_count[v_ask];
      v_g := v_r_grant[v_r];
      v_g_left[v_g] := v_g_left[v_g] - v_paid;
      v_done := v_left > 0 AND v_g_left[v_g] >= 0;
      v_o := v_many + v_t - v_p_t_from[v_p] + 1;
      v_simple := v_k_asked[v_k] = 1;
      v_counted := '';
      v_nearest := NULL;
      FOR v_x IN v_r_x_from[v_r] .. v_r_x_to[v_r] LOOP
        v_j := v_x_measure[v_x];
        CONTINUE WHEN v_j > v_many AND v_j <> v_o; -- credits of a type that does not pay
        v_c := v_x_counter[v_x];
        IF v_c_per_request[v_c] THEN
          v_done := v_done AND CASE WHEN v_j = v_o THEN v_left ELSE v_amounts[v_at + v_j] END <= v_x_limit[v_x];
          CONTINUE;
        END IF;
        v_a := CASE WHEN v_j = v_o THEN v_paid ELSE v_amounts[v_at + v_j] * v_a_count[v_ask] END;
        v_used := v_c_used[v_c] + v_a;
        v_c_used[v_c] := v_used;
        v_c_changed[v_c] := true;
        v_done := v_done AND v_used <= v_x_limit[v_x] AND NOT v_c_rolled[v_c];
        v_counted := v_counted || ',' || v_c_no[v_c];
        IF NOT v_simple THEN
          v_c_wanted[v_c] := v_c_wanted[v_c] + v_a;
          v_c_askers[v_c] := concat(v_c_askers[v_c], ',', v_ask, ':', CASE WHEN v_j <> v_o THEN v_j END);
        ELSIF v_x_plain[v_x] AND (v_nearest IS NULL OR v_used * v_near_limit > v_near_used * v_x_limit[v_x]) THEN
          v_nearest := v_c;
          v_near_used := v_used;
          v_near_limit := v_x_limit[v_x];
        END IF;
      END LOOP;
      v_r_counters[v_r] := nullif('[' || substr(v_counted, 2) || ']', '[]');
      v_r_nearest[v_r] := v_nearest;
      v_k_fits[v_k] := v_done;
    END LOOP;

    -- Where a customer asks more than once: the nearest budget in the end; but was it from the beginning? Another was never nearer if
    -- it is not even in the end nearer than this one in the beginning; or if the same asks count against both, so that they cannot
    -- change places and back.
    FOR v_r IN 1 .. cardinality(v_r_k) LOOP
      v_k := v_r_k[v_r];
      CONTINUE WHEN NOT v_k_fits[v_k] OR v_k_asked[v_k] = 1;
      v_many := v_p_many[v_r_price[v_r]];
      v_o := v_many + v_r_type[v_r] - v_p_t_from[v_r_price[v_r]] + 1;
      v_nearest := NULL;
      FOR v_x IN v_r_x_from[v_r] .. v_r_x_to[v_r] LOOP
        CONTINUE WHEN NOT v_x_plain[v_x] OR (v_x_measure[v_x] > v_many AND v_x_measure[v_x] <> v_o);
        v_used := v_c_used[v_x_counter[v_x]];
        IF v_nearest IS NULL OR v_used * v_near_limit > v_near_used * v_x_limit[v_x] THEN
          v_nearest := v_x_counter[v_x];
          v_near_used := v_used;
          v_near_limit := v_x_limit[v_x];
        END IF;
      END LOOP;
      v_r_nearest[v_r] := v_nearest;
      CONTINUE WHEN v_nearest IS NULL;
      v_c_tracked[v_nearest] := true;
      v_near_used := v_near_used - v_c_wanted[v_nearest];
      v_done := false; -- past the nearest: from there on a tie is no matter
      FOR v_x IN v_r_x_from[v_r] .. v_r_x_to[v_r] LOOP
        CONTINUE WHEN NOT v_x_plain[v_x] OR (v_x_measure[v_x] > v_many AND v_x_measure[v_x] <> v_o);
        v_c := v_x_counter[v_x];
        IF v_c = v_nearest THEN
          v_done := true;
          CONTINUE;
        END IF;
        v_a := v_near_used * v_x_limit[v_x]
          - (v_c_used[v_c] - CASE WHEN v_c_askers[v_c] = v_c_askers[v_nearest] THEN v_c_wanted[v_c] ELSE 0 END) * v_near_limit;
        IF v_a < 0 OR (v_a = 0 AND NOT v_done) THEN
          v_k_fits[v_k] := false;
          EXIT;
        END IF;
      END LOOP;
    END LOOP;

    -- What was counted for those who do not fit is taken back.
    FOR v_ask IN 1 .. cardinality(v_a_route) LOOP
      v_r := v_a_route[v_ask];
      CONTINUE WHEN v_k_fits[v_r_k[v_r]] OR v_a_due[v_ask] IS NULL;
      v_r_counters[v_r] := NULL;
      v_many := v_p_many[v_r_price[v_r]];
      v_o := v_many + v_r_type[v_r] - v_p_t_from[v_r_price[v_r]] + 1;
      v_g := v_r_grant[v_r];
      v_g_left[v_g] := v_g_left[v_g] + v_a_due[v_ask] * v_a_count[v_ask];
      FOR v_x IN v_r_x_from[v_r] .. v_r_x_to[v_r] LOOP
        v_j := v_x_measure[v_x];
        v_c := v_x_counter[v_x];
        CONTINUE WHEN (v_j > v_many AND v_j <> v_o) OR v_c_per_request[v_c];
        v_c_used[v_c] := v_c_used[v_c] - v_a_count[v_ask] * CASE WHEN v_j = v_o THEN v_a_due[v_ask] ELSE v_amounts[v_a_amount[v_ask] + v_j] END;
        v_c_changed[v_c] := false;
      END LOOP;
    END LOOP;

    -- What those who fit leave: a budget that is shown along the way starts again from where it was.
    FOR v_c IN 1 .. v_counters LOOP
      IF v_c_tracked[v_c] AND v_c_changed[v_c] THEN
        v_c_used[v_c] := v_c_used[v_c] - v_c_wanted[v_c];
      END IF;
    END LOOP;
    FOR v_w IN 1 .. v_wallets LOOP
      v_a := trim_scale(v_w_owed[v_w] - v_w_unpaid[v_w]);
      v_w_kept[v_w] := core.kept_figures(v_w_held[v_w], v_w_leased[v_w], v_a);
      v_w_shown[v_w] := '","' || v_w_held[v_w] || '","' || v_w_leased[v_w] || '","' || v_a || '"]';
    END LOOP;
    FOR v_row IN
      SELECT n.c, to_json(e.entity_id)::text AS label
      FROM (SELECT DISTINCT c FROM unnest(v_r_nearest) AS n (c)) AS n
      CROSS JOIN LATERAL (SELECT entity_id FROM core.entity AS e
                          WHERE e.customer_id = v_c_customer[n.c] AND e.entity_no = v_c_subject[n.c] LIMIT 1) AS e
    LOOP
      v_c_label[v_row.c] := v_row.label;
    END LOOP;
    v_j := 0;
    FOR v_r IN 1 .. cardinality(v_r_k) LOOP
      CONTINUE WHEN NOT v_k_fits[v_r_k[v_r]];
      v_g := v_r_grant[v_r];
      v_g_changed[v_g] := true;
      v_w_changed[v_g_wallet[v_g]] := true;
      v_r_y_from[v_r] := v_j + 1;
      IF v_k_asked[v_r_k[v_r]] > 1 THEN
        v_many := v_p_many[v_r_price[v_r]];
        v_o := v_many + v_r_type[v_r] - v_p_t_from[v_r_price[v_r]] + 1;
        FOR v_x IN v_r_x_from[v_r] .. v_r_x_to[v_r] LOOP
          CONTINUE WHEN v_c_tracked[v_x_counter[v_x]] IS NOT TRUE OR (v_x_measure[v_x] > v_many AND v_x_measure[v_x] <> v_o);
          v_j := v_j + 1;
          v_y_counter[v_j] := v_x_counter[v_x];
          v_y_amount[v_j] := CASE WHEN v_x_measure[v_x] <= v_many THEN v_x_measure[v_x] END;
        END LOOP;
      END IF;
      v_r_y_to[v_r] := v_j;
      v_c := v_r_nearest[v_r];
      IF v_c IS NOT NULL THEN
        v_instant := core.json_instant(v_c_end[v_c]);
        v_r_kept_binding[v_r] := ',"b":[' || v_c_budget[v_c] || ',' || v_c_subject[v_c] || ',' || v_c_limit[v_c] || ',';
        v_r_kept_end[v_r] := concat(',', core.epoch_seconds(v_c_end[v_c]), ',' || nullif(v_c_held[v_c], 0), ']}');
        v_r_shown_binding[v_r] := ',"binding":{"kind":"BUDGET","budgetId":' || v_c_budget_id[v_c] || ',"limit":"' || v_c_limit[v_c] || '","used":"';
        v_r_shown_end[v_r] := '","held":"' || v_c_held[v_c] || '","resetsAt":' || v_instant || ',"entityId":' || coalesce(v_c_label[v_c], 'null') || '}';
      END IF;
    END LOOP;
    FOR v_ask IN 1 .. cardinality(v_a_route) LOOP
      v_r := v_a_route[v_ask];
      CONTINUE WHEN NOT v_k_fits[v_r_k[v_r]];
      v_g := v_r_grant[v_r];
      v_w := v_g_wallet[v_g];
      v_a_credits[v_ask] := '{"' || v_t_type[v_r_type[v_r]] || '":"' || v_a_due[v_ask] || '"}';
      v_a_kept[v_ask] := '{"s":[[' || v_w_no[v_w] || ',' || v_g_no[v_g] || ',' || v_a_due[v_ask] || ']],"w":[';
      v_a_shown[v_ask] := '{"credits":' || v_a_credits[v_ask] || ',"slices":[[' || v_w_id[v_w] || ',"' || v_g_no[v_g] || '","' || v_a_due[v_ask] || '"]],"wallets":[';
    END LOOP;
  END IF;

  FOR v_turn IN 1 .. cardinality(v_i_key) LOOP
    v_i := coalesce(v_turns[v_turn], v_turn);
    v_ask := v_i_ask[v_i];
    v_r := v_a_route[v_ask];
    v_k := v_r_k[v_r];
    v_i_print[v_i] := v_i_print[v_i] || v_a_print[v_ask] || v_r_print[v_r];
    IF v_k_fits[v_k] THEN
      v_w := v_g_wallet[v_r_grant[v_r]];
      v_seq := v_k_seq[v_k] + 1;
      v_k_seq[v_k] := v_seq;
      v_w_available[v_w] := v_w_available[v_w] - v_a_due[v_ask];
      FOR v_y IN v_r_y_from[v_r] .. v_r_y_to[v_r] LOOP
        v_c := v_y_counter[v_y];
        v_c_used[v_c] := v_c_used[v_c] + coalesce(v_amounts[v_a_amount[v_ask] + v_y_amount[v_y]], v_a_due[v_ask]);
      END LOOP;
      v_entries := v_entries + 1;
      v_e_customer[v_entries] := v_i_customer[v_i]; v_e_seq[v_entries] := v_seq; v_e_leg[v_entries] := 1; v_e_wallet[v_entries] := v_w_no[v_w];
      v_e_account[v_entries] := 'AVAILABLE'; v_e_balance[v_entries] := v_w_available[v_w];
      v_e_grant[v_entries] := v_g_no[v_r_grant[v_r]]; v_e_amount[v_entries] := v_a_due[v_ask];
      v_text := v_a_kept[v_ask];
      v_shown := v_a_shown[v_ask];
      v_o := 0;
      FOR v_s IN v_r_s_from[v_r] .. v_r_s_to[v_r] LOOP
        v_w := v_s_wallet[v_s];
        CONTINUE WHEN v_w_dormant[v_w];
        v_a := trim_scale(v_w_available[v_w] + v_w_unbooked[v_w]);
        v_text := v_text || CASE WHEN v_o = 0 THEN '[' ELSE ',[' END || v_w_no[v_w] || ',' || v_a || v_w_kept[v_w];
        v_shown := v_shown || CASE WHEN v_o = 0 THEN '[' ELSE ',[' END || v_w_id[v_w] || ',"' || v_w_type[v_w] || '","' || v_a || v_w_shown[v_w];
        v_o := 1;
      END LOOP;
      v_c := v_r_nearest[v_r];
      IF v_c IS NULL THEN
        v_i_answer[v_i] := v_text || ']}';
        v_i_shown[v_i] := v_shown || ']';
      ELSE
        v_used := trim_scale(v_c_used[v_c] - v_c_held[v_c]);
        v_i_answer[v_i] := v_text || ']' || v_r_kept_binding[v_r] || v_used || v_r_kept_end[v_r];
        v_i_shown[v_i] := v_shown || ']' || v_r_shown_binding[v_r] || v_used || v_r_shown_end[v_r];
      END IF;
      v_i_status[v_i] := 'NEW'; v_i_allowed[v_i] := true; v_i_would[v_i] := true; v_i_seq[v_i] := v_seq; v_k_recorded[v_k] := true;
      CONTINUE;
    END IF;

    v_p := v_r_price[v_r];
    v_at := v_a_amount[v_ask];
    v_many := v_p_many[v_p];
    v_t_from := v_p_t_from[v_p];
    v_s_from := v_r_s_from[v_r];
    v_s_to := v_r_s_to[v_r];
    v_x_from := v_r_x_from[v_r];
    v_x_to := v_r_x_to[v_r];

    -- A group begins: remember the way back, and whether its keys are all new.
    IF v_turns IS NOT NULL AND v_group_to IS NULL AND v_i_group[v_i] IS NOT NULL THEN
      v_group_from := v_turn;
      v_group_refused := false;
      v_group_failed := false;
      v_group_mixed := false;
      v_j := 0;
      v_o := 0;
      LOOP
        v_first := v_turns[v_turn + v_o];
        EXIT WHEN v_first IS NULL OR v_i_group[v_first] IS DISTINCT FROM v_i_group[v_i] OR v_i_customer[v_first] <> v_i_customer[v_i];
        v_j := v_j + CASE WHEN v_i_old_print[v_first] IS NOT NULL OR v_i_first[v_first] <> v_first THEN 1 ELSE 0 END;
        v_o := v_o + 1;
      END LOOP;
      v_group_mixed := NOT v_dry AND v_j NOT IN (0, v_o);
      v_group_to := v_turn + v_o - 1;
      SELECT v_k_seq[v_k] AS k_seq, v_k_no[v_k] AS k_no, v_k_created[v_k] AS k_created, v_g_left AS g_left, v_g_changed AS g_changed,
             v_w_scheduled AS w_scheduled, v_w_available AS w_available, v_w_unbooked AS w_unbooked, v_w_owed AS w_owed, v_w_changed AS w_changed, v_w_dormant AS w_dormant, v_w_new AS w_new, v_w_no AS w_no,
             v_w_shortfall AS w_shortfall,
             v_c_no AS c_no, v_c_used AS c_used, v_c_denied_count AS c_denied_count, v_c_denied_amount AS c_denied_amount,
             v_c_from_seq AS c_from_seq, v_c_changed AS c_changed, v_u_seq AS u_seq, v_entries AS entries
      INTO v_saved;
    END IF;

    <<item>>
    BEGIN
      IF NOT v_r_plain[v_r] OR v_group_mixed THEN
        IF v_k_deferred[v_k] THEN
          v_i_status[v_i] := 'DEFERRED';
          EXIT item;
        ELSIF v_k_seq[v_k] IS NULL THEN
          v_i_reason[v_i] := 'CUSTOMER_NOT_FOUND';
          EXIT item;
        ELSIF v_group_mixed AND v_i_group[v_i] IS NOT NULL THEN
          v_i_reason[v_i] := 'IDEMPOTENCY_CONFLICT';
          v_i_shown[v_i] := '{"field":"group"';
          EXIT item;
        END IF;
      END IF;

      -- Replays: of what is recorded, and of an item before it in this batch. A check has no key.
      IF v_i_old_print[v_i] IS NOT NULL OR v_i_first IS NOT NULL THEN
        v_first := CASE WHEN v_dry OR v_i_first IS NULL THEN v_i ELSE v_i_first[v_i_first[v_i]] END;
        IF v_first <> v_i AND v_i_status[v_first] IS NULL THEN
          v_i_first[v_first] := v_i; -- a group brought the later one forward
          v_first := v_i;
        END IF;
        IF v_i_old_print[v_i] IS NULL AND v_first <> v_i AND v_i_status[v_first] = 'NEW' AND v_i_print[v_first] = v_i_print[v_i] THEN
          v_i_status[v_i] := 'REPLAYED';
          v_i_allowed[v_i] := v_i_allowed[v_first]; v_i_would[v_i] := v_i_would[v_first]; v_i_reason[v_i] := v_i_reason[v_first];
          v_i_seq[v_i] := v_i_seq[v_first]; v_i_shown[v_i] := v_i_shown[v_first]; v_i_bound[v_i] := v_i_bound[v_first];
          EXIT item;
        ELSIF v_i_old_print[v_i] = v_i_print[v_i] THEN
          v_i_status[v_i] := 'REPLAYED';
          v_i_allowed[v_i] := v_i_old_allowed[v_i]; v_i_reason[v_i] := v_i_old_reason[v_i]; v_i_seq[v_i] := v_i_old_seq[v_i];
          v_i_would[v_i] := v_i_old_reason[v_i] IS NULL;
          v_i_at[v_i] := v_i_old_at[v_i];
          v_i_shown[v_i] := core.show_answer(v_i_customer[v_i], v_i_old_answer[v_i], v_request.r_entities[v_r]);
          EXIT item;
        ELSIF v_i_old_print[v_i] IS NOT NULL OR (v_first <> v_i AND v_i_status[v_first] = 'NEW') THEN
          v_i_reason[v_i] := 'IDEMPOTENCY_CONFLICT';
          v_i_shown[v_i] := '{"field":"' || core.differing_field(coalesce(v_i_old_print[v_i], v_i_print[v_first]), v_i_print[v_i]) || '"';
          EXIT item;
        END IF;
      END IF;

      v_mode := v_r_overage[v_r];
      v_records := v_mode = 'RECORD' OR v_k_observe[v_k];
      v_would := NULL;
      IF NOT v_r_plain[v_r] THEN
        IF v_r_undeclared[v_r] THEN
          PERFORM core.refuse_malformed_item(p_items -> (v_i - 1), v_i - 1, p_customer_id, p_at); -- a name twice, or another month
          PERFORM core.refuse_undeclared(p_items, v_i, v_catalog);
        END IF;
        v_would := v_r_reason[v_r];
        v_reason := v_r_unbookable[v_r];
        IF v_reason IS NULL AND v_r_unknown[v_r] IS NOT NULL AND v_k_created[v_k] + (
             SELECT count(DISTINCT u) FROM unnest(string_to_array(v_r_unknown[v_r], ',')::integer[]) AS u WHERE v_u_seq[u] IS NULL
           ) > v_k_unknown_left[v_k]
           AND EXISTS (SELECT FROM unnest(string_to_array(v_r_unknown[v_r], ',')::integer[]) AS u WHERE v_u_seq[u] IS NULL) THEN
          v_reason := 'ENTITY_NOT_FOUND';
          v_would := coalesce(nullif(v_would, 'ENTITY_SUSPENDED'), 'ENTITY_NOT_FOUND');
        END IF;
        IF v_reason IS NOT NULL AND v_records THEN
          v_i_reason[v_i] := v_reason;
          EXIT item;
        ELSIF v_would IS NOT NULL AND NOT v_records THEN
          v_i_status[v_i] := 'NEW';
          v_i_seq[v_i] := v_k_seq[v_k];
          v_i_reason[v_i] := v_would;
          EXIT item;
        END IF;
      END IF;

      v_feature := ',' || v_r_feature[v_r] || ',';
      v_s_last := v_s_to; -- the last wallet there is
      WHILE v_dormant AND v_s_last >= v_s_from AND v_w_dormant[v_s_wallet[v_s_last]] LOOP
        v_s_last := v_s_last - 1;
      END LOOP;
      v_phase := CASE WHEN v_would IS NULL THEN 'ASKED' ELSE 'FORCED' END;
      v_asked := v_amounts[v_at + 1];
      v_denied_by := NULL;

      -- The forward judgement: once as asked; for CAP once for every step of the bisection; and once more
      -- for what is booked although it was denied.
      LOOP
        v_slices := 0;
        v_done := false;
        v_type := NULL;
        v_share_n := 1;
        v_share_d := 1;
        v_paid := 0;
        v_m := NULL;
        FOR v_n IN 1 .. v_many LOOP
          v_m[v_n] := v_amounts[v_at + v_n];
        END LOOP;
        v_short := 0;
        v_drawn := 0;
        v_too_much := false;

        <<plan>>
        FOR v_s IN v_s_from .. v_s_to + 2 LOOP
          -- The stops in burn order, then the overdraft, then, in thought or as a shortfall, the last type.
          IF v_s <= v_s_to THEN
            v_t := v_s_type[v_s];
            v_w := v_s_wallet[v_s];
            CONTINUE WHEN v_dormant AND v_w_dormant[v_w];
          ELSIF v_s = v_s_to + 1 THEN
            CONTINUE WHEN v_phase <> 'FORCED' AND v_mode <> 'OVERDRAFT';
            v_w := NULL;
            FOR v_j IN REVERSE v_s_to .. v_s_from LOOP
              IF v_w_limit[v_s_wallet[v_j]] > 0 THEN
                v_w := v_s_wallet[v_j];
                v_t := v_s_type[v_j];
                EXIT;
              END IF;
            END LOOP;
            CONTINUE WHEN v_w IS NULL;
          ELSIF v_s_last >= v_s_from THEN
            v_t := v_s_type[v_s_last];
            v_w := v_s_wallet[v_s_last];
          ELSE
            v_t := v_p_t_to[v_p];
            v_w := NULL;
          END IF;

          IF v_t IS DISTINCT FROM v_type THEN
            -- The unpaid share is carried from type to type as an exact fraction.
            IF v_paid > 0 THEN
              v_share_n := (v_unpaid_n - v_paid * v_unpaid_d) * v_t_over[v_type];
              v_share_d := v_unpaid_d * v_price;
              v_paid := 0;
            END IF;
            v_type := v_t;
            v_j := v_t_rate[v_t];
            v_price := v_m[1] * v_rates[v_j + 1];
            FOR v_n IN 2 .. v_many LOOP
              v_price := v_price + v_m[v_n] * v_rates[v_j + v_n];
            END LOOP;
            v_o := v_many + v_t - v_t_from + 1; -- where this type stands among the measures
            IF v_price = 0 AND v_w IS NOT NULL THEN
              v_done := true;
              EXIT plan;
            END IF;
            v_unpaid_n := v_share_n * v_price;
            v_unpaid_d := v_share_d * v_t_over[v_t];
            -- Rounded up to the type's smallest unit.
            IF v_unpaid_d = 1 THEN
              v_left := trunc(v_unpaid_n, v_t_decimals[v_t]);
              IF v_left < v_unpaid_n THEN
                v_left := v_left + v_t_unit[v_t];
              END IF;
            ELSE
              v_left := div(v_unpaid_n, v_unpaid_d * v_t_unit[v_t]) * v_t_unit[v_t];
              IF v_left * v_unpaid_d < v_unpaid_n THEN
                v_left := v_left + v_t_unit[v_t];
              END IF;
            END IF;
            IF v_left >= c_too_much THEN
              v_too_much := true;
              EXIT plan;
            END IF;
          END IF;

          IF v_s <= v_s_to THEN
            FOR v_g IN v_w_g_from[v_w] .. v_w_g_to[v_w] LOOP
              v_a := v_g_left[v_g];
              CONTINUE WHEN v_a = 0 OR strpos(v_g_only[v_g], v_feature) = 0; -- null: any feature
              v_slices := v_slices + 1;
              v_p_grant[v_slices] := v_g;
              v_p_wallet[v_slices] := v_w;
              IF v_a >= v_left THEN
                v_p_amount[v_slices] := v_left;
                v_paid := v_paid + v_left;
                v_m[v_o] := coalesce(v_m[v_o], 0) + v_left;
                v_done := true;
                EXIT plan;
              END IF;
              v_p_amount[v_slices] := v_a;
              v_paid := v_paid + v_a;
              v_left := v_left - v_a;
              v_m[v_o] := coalesce(v_m[v_o], 0) + v_a;
            END LOOP;
          ELSIF v_s = v_s_to + 1 THEN
            v_drawn := least(v_left, greatest(v_w_limit[v_w] - v_w_owed[v_w] + v_w_unpaid[v_w], 0));
            v_drawn_wallet := v_w;
            v_paid := v_paid + v_drawn;
            v_left := v_left - v_drawn;
            v_m[v_o] := coalesce(v_m[v_o], 0) + v_drawn;
            IF v_left = 0 THEN
              v_done := true;
              EXIT plan;
            END IF;
          ELSE
            v_short := v_left;
            v_short_wallet := v_w;
            v_short_type := v_t;
            v_m[v_o] := coalesce(v_m[v_o], 0) + v_left;
          END IF;
        END LOOP plan;

        -- All budgets, in the order they bind.
        v_failed_quantity := NULL;
        v_failed_credits := NULL;
        v_nearest := NULL;
        FOR v_x IN v_x_from .. v_x_to LOOP
          v_used := v_c_used[v_x_counter[v_x]] + v_m[v_x_measure[v_x]]; -- null: not asked for
          IF v_used > v_x_limit[v_x] THEN
            v_c := v_x_counter[v_x];
            v_too_much := v_too_much OR v_used >= c_too_much;
            IF v_c_mode[v_c] = 'HARD' AND v_m[v_x_measure[v_x]] > 0 THEN
              IF v_x_on_credits[v_x] THEN
                v_failed_credits := coalesce(v_failed_credits, v_c);
              ELSE
                v_failed_quantity := coalesce(v_failed_quantity, v_c);
              END IF;
            END IF;
          END IF;
          IF v_x_plain[v_x] AND v_m[v_x_measure[v_x]] > 0 AND (v_nearest IS NULL OR v_used * v_near_limit > v_near_used * v_x_limit[v_x]) THEN
            v_nearest := v_x_counter[v_x];
            v_near_used := v_used;
            v_near_limit := v_x_limit[v_x];
          END IF;
        END LOOP;

        v_binding := NULL;
        IF v_too_much OR (v_p_limits[v_p] IS NOT NULL AND core.exceeds_request_limit(v_p_limits[v_p], v_r_names[v_r], v_amounts, v_at)) THEN
          v_reason := 'REQUEST_LIMIT_EXCEEDED';
        ELSIF v_failed_quantity IS NOT NULL OR v_failed_credits IS NOT NULL THEN
          v_reason := 'BUDGET_EXCEEDED';
          v_binding := coalesce(v_failed_quantity, v_failed_credits);
        ELSE
          v_reason := CASE WHEN NOT v_done THEN 'INSUFFICIENT_CREDITS' END;
        END IF;

        IF v_phase = 'FORCED' THEN
          EXIT;
        ELSIF v_phase = 'ASKED' THEN
          EXIT WHEN v_reason IS NULL;
          v_would := v_reason;
          v_denied_by := v_binding;
          IF v_mode = 'CAP' THEN
            v_phase := 'CAP';
            v_low := 0;
            v_high := div(v_asked, v_p_step[v_p]) - CASE WHEN v_asked % v_p_step[v_p] = 0 THEN 1 ELSE 0 END;
            v_tried := NULL;
            IF v_records THEN
              v_high := least(v_high, 1); -- the whole is booked anyway: would anything have fitted?
            END IF;
          ELSIF v_records THEN
            v_phase := 'FORCED';
            CONTINUE;
          ELSE
            EXIT;
          END IF;
        ELSIF v_reason IS NULL THEN
          v_low := v_tried;
        ELSE
          v_high := v_tried - 1;
        END IF;
        -- CAP: the largest multiple of the step that passes lies between low and high.
        IF v_high <= 0 OR (v_records AND v_low = v_high) THEN
          v_amounts[v_at + 1] := v_asked;
          EXIT WHEN NOT v_records;
          v_would := CASE WHEN v_high <= 0 THEN v_would END;
          v_denied_by := CASE WHEN v_high <= 0 THEN v_denied_by END;
          v_phase := 'FORCED';
          CONTINUE;
        END IF;
        IF v_low = v_high AND v_tried = v_low AND v_reason IS NULL THEN
          v_would := NULL;
          EXIT;
        END IF;
        v_tried := CASE WHEN v_low = v_high THEN v_low ELSE div(v_low + v_high + 1, 2) END;
        v_amounts[v_at + 1] := v_tried * v_p_step[v_p];
      END LOOP;

      IF v_too_much AND v_records THEN
        v_i_reason[v_i] := 'REQUEST_LIMIT_EXCEEDED';
        v_amounts[v_at + 1] := v_asked;
        EXIT item;
      ELSIF v_phase <> 'FORCED' AND v_reason IS NOT NULL THEN
        v_i_status[v_i] := 'NEW';
        v_i_seq[v_i] := v_k_seq[v_k];
        v_i_reason[v_i] := v_would;
        IF v_denied_by IS NOT NULL THEN
          v_i_answer[v_i] := '{"b":[' || v_c_budget[v_denied_by] || ','
            -- An entity that would have been made has no number to keep: it is known by its place in the request.
            || coalesce((SELECT -e.axis FROM jsonb_array_elements_text(v_request.r_entities[v_r]) WITH ORDINALITY AS e (id, axis)
                         WHERE e.id = v_u_id[v_c_newcomer[v_denied_by]] LIMIT 1), v_c_subject[v_denied_by])
            || concat(',', v_c_limit[v_denied_by], ',', trim_scale(v_c_used[v_denied_by] - v_c_held[v_denied_by]), ',',
                      core.epoch_seconds(v_c_end[v_denied_by]), ',' || nullif(v_c_held[v_denied_by], 0), ']');
          v_i_shown[v_i] := '"binding":{"kind":"BUDGET","budgetId":' || v_c_budget_id[v_denied_by] || ',"limit":"' || v_c_limit[v_denied_by]
            || '","used":"' || trim_scale(v_c_used[v_denied_by] - v_c_held[v_denied_by]) || '","held":"' || v_c_held[v_denied_by] || '","resetsAt":' || core.json_instant(v_c_end[v_denied_by]);
          v_i_bound[v_i] := CASE WHEN v_c_newcomer[v_denied_by] IS NULL THEN v_c_subject[v_denied_by] END;
          v_i_shown[v_i] := v_i_shown[v_i] || coalesce(',"entityId":' || to_json(v_u_id[v_c_newcomer[v_denied_by]])::text || '}', '');
        ELSIF v_would = 'INSUFFICIENT_CREDITS' AND v_s_last >= v_s_from THEN
          v_w := v_s_wallet[v_s_last];
          v_i_answer[v_i] := '{"b":["WALLET",' || v_w_no[v_w] || ',' || v_w_entity[v_w] || ',' || v_w_limit[v_w] || ',' || v_w_owed[v_w] - v_w_unpaid[v_w] || ']';
          v_i_shown[v_i] := '"binding":{"kind":"WALLET","walletId":' || v_w_id[v_w] || ',"limit":"' || v_w_limit[v_w] || '","used":"'
            || v_w_owed[v_w] - v_w_unpaid[v_w] || '","held":"0","resetsAt":null';
          v_i_bound[v_i] := v_w_entity[v_w];
        ELSE
          v_i_answer[v_i] := '{"b":null';
          v_i_shown[v_i] := '"binding":null';
        END IF;
        v_balances := '';
        v_balances_shown := '';
        FOR v_s IN v_s_from .. v_s_to LOOP
          v_w := v_s_wallet[v_s];
          CONTINUE WHEN v_dormant AND v_w_dormant[v_w];
          v_a := trim_scale(v_w_available[v_w] + v_w_unbooked[v_w]);
          v_paid := trim_scale(v_w_owed[v_w] - v_w_unpaid[v_w]);
          v_balances := v_balances || ',[' || v_w_no[v_w] || ',' || v_a || core.kept_figures(v_w_held[v_w], v_w_leased[v_w], v_paid);
          v_balances_shown := v_balances_shown || ',[' || v_w_id[v_w] || ',"' || v_w_type[v_w] || '","' || v_a || '","' || v_w_held[v_w] || '","' || v_w_leased[v_w]
            || '","' || v_paid || '"]';
        END LOOP;
        v_i_answer[v_i] := v_i_answer[v_i] || ',"w":[' || substr(v_balances, 2) || ']}';
        v_i_shown[v_i] := '{"wallets":[' || substr(v_balances_shown, 2) || '],' || v_i_shown[v_i];
        v_amounts[v_at + 1] := v_asked;
        EXIT item;
      END IF;

      -- Allowed, or booked all the same: entities first, each an operation of its own.
      IF v_r_unknown[v_r] IS NOT NULL THEN
        FOREACH v_u IN ARRAY string_to_array(v_r_unknown[v_r], ',')::integer[] LOOP
          IF v_u_seq[v_u] IS NULL THEN
            v_k_seq[v_k] := v_k_seq[v_k] + 1;
            v_u_seq[v_u] := v_k_seq[v_k];
            v_k_created[v_k] := v_k_created[v_k] + 1;
          END IF;
        END LOOP;
      END IF;
      v_seq := v_k_seq[v_k] + 1;
      v_k_seq[v_k] := v_seq;
      v_leg := 0;
      v_text := '';
      v_shown := '';
      v_balances := '';
      v_balances_shown := '';
      FOR v_j IN 1 .. v_slices LOOP
        v_g := v_p_grant[v_j];
        v_w := v_p_wallet[v_j];
        v_a := v_p_amount[v_j];
        v_g_left[v_g] := v_g_left[v_g] - v_a;
        v_g_changed[v_g] := true;
        v_w_changed[v_w] := true;
        v_leg := v_leg + 1;
        v_entries := v_entries + 1;
        IF v_g_scheduled[v_g] THEN
          v_w_scheduled[v_w] := v_w_scheduled[v_w] - v_a;
          v_w_unbooked[v_w] := v_w_unbooked[v_w] - v_a;
          v_e_account[v_entries] := 'SCHEDULED';
          v_e_balance[v_entries] := v_w_scheduled[v_w];
        ELSE
          v_w_available[v_w] := v_w_available[v_w] - v_a;
          v_e_account[v_entries] := 'AVAILABLE';
          v_e_balance[v_entries] := v_w_available[v_w];
        END IF;
        v_e_customer[v_entries] := v_w_customer[v_w]; v_e_seq[v_entries] := v_seq; v_e_leg[v_entries] := v_leg; v_e_wallet[v_entries] := v_w_no[v_w];
        v_e_grant[v_entries] := v_g_no[v_g]; v_e_amount[v_entries] := v_a;
        IF v_j > 1 THEN
          v_text := v_text || ',';
          v_shown := v_shown || ',';
        END IF;
        v_text := v_text || '[' || v_w_no[v_w] || ',' || v_g_no[v_g] || ',' || trim_scale(v_a) || ']';
        v_shown := v_shown || '[' || v_w_id[v_w] || ',"' || v_g_no[v_g] || '","' || trim_scale(v_a) || '"]';
      END LOOP;
      IF v_drawn > 0 THEN
        v_w := v_drawn_wallet;
        v_w_owed[v_w] := v_w_owed[v_w] + v_drawn;
        v_w_changed[v_w] := true;
        v_leg := v_leg + 1;
        v_entries := v_entries + 1;
        v_e_customer[v_entries] := v_w_customer[v_w]; v_e_seq[v_entries] := v_seq; v_e_leg[v_entries] := v_leg; v_e_wallet[v_entries] := v_w_no[v_w];
        v_e_account[v_entries] := 'OWED'; v_e_balance[v_entries] := v_w_owed[v_w]; v_e_grant[v_entries] := NULL; v_e_amount[v_entries] := v_drawn;
        v_text := v_text || CASE WHEN v_text = '' THEN '' ELSE ',' END || '[' || v_w_no[v_w] || ',null,' || trim_scale(v_drawn) || ']';
        v_shown := v_shown || CASE WHEN v_shown = '' THEN '' ELSE ',' END || '[' || v_w_id[v_w] || ',null,"' || trim_scale(v_drawn) || '"]';
      END IF;
      IF v_short > 0 THEN
        v_w := v_short_wallet;
        IF v_w IS NULL THEN
          -- Nothing acceptable has a wallet yet: the customer's own of the last type comes to be.
          FOR v_s IN v_s_from .. v_s_to LOOP
            v_w := CASE WHEN v_s_type[v_s] = v_short_type THEN v_s_wallet[v_s] ELSE v_w END;
          END LOOP;
          v_k_no[v_k] := v_k_no[v_k] + 1;
          v_w_no[v_w] := v_k_no[v_k];
          v_w_new[v_w] := true;
          v_w_dormant[v_w] := false;
        END IF;
        v_w_shortfall[v_w] := v_w_shortfall[v_w] + v_short;
        v_w_changed[v_w] := true;
        v_leg := v_leg + 1;
        v_entries := v_entries + 1;
        v_e_customer[v_entries] := v_w_customer[v_w]; v_e_seq[v_entries] := v_seq; v_e_leg[v_entries] := v_leg; v_e_wallet[v_entries] := v_w_no[v_w];
        v_e_account[v_entries] := 'SHORTFALL'; v_e_balance[v_entries] := v_w_shortfall[v_w]; v_e_grant[v_entries] := NULL; v_e_amount[v_entries] := v_short;
      END IF;

      -- What it counts against. Once a route has charged all its counters, and in one type, the next item like
      -- that only adds.
      v_one_type := CASE WHEN v_done AND v_paid > 0 AND v_share_n = 1 AND v_share_d = 1 THEN v_type ELSE 0 END;
      v_counted := '';
      v_warned := '';
      v_warned_shown := '';
      IF v_one_type = v_r_counted_type[v_r] THEN
        FOR v_x IN v_x_from .. v_x_to LOOP
          v_c := v_x_counter[v_x];
          v_c_used[v_c] := v_c_used[v_c] + coalesce(v_m[v_x_measure[v_x]], 0);
        END LOOP;
        v_counted := v_r_counted[v_r];
      ELSE
        v_simple := v_one_type > 0 AND v_turns IS NULL;
        FOR v_x IN v_x_from .. v_x_to LOOP
          v_c := v_x_counter[v_x];
          v_a := v_m[v_x_measure[v_x]];
          CONTINUE WHEN v_a IS NULL OR v_a = 0;
          IF v_x_plain[v_x] AND NOT v_c_rolled[v_c] AND v_c_no[v_c] IS NOT NULL THEN -- nearly always
            v_c_used[v_c] := v_c_used[v_c] + v_a;
            v_c_changed[v_c] := true;
            v_counted := v_counted || ',' || v_c_no[v_c];
            CONTINUE;
          END IF;
          IF NOT v_x_plain[v_x] AND v_c_mode[v_c] <> 'HARD' AND v_c_used[v_c] + v_a > v_x_limit[v_x] THEN
            IF v_c_mode[v_c] = 'SOFT' THEN
              v_warned := v_warned || ',[' || v_c_budget[v_c] || ',' || v_c_subject[v_c] || ',' || v_c_limit[v_c] || ','
                || trim_scale(v_c_used[v_c] - v_c_held[v_c] + CASE WHEN v_c_per_request[v_c] THEN 0 ELSE v_a END) || ',' || coalesce(v_c_advice[v_c], 'null') || ']';
              v_warned_shown := v_warned_shown || ',{"budgetId":' || v_c_budget_id[v_c] || ',"entityId":'
                || coalesce(to_json(v_u_id[v_c_newcomer[v_c]])::text, core.entity_label(v_i_customer[v_i], v_c_subject[v_c])) || ',"limit":"' || v_c_limit[v_c] || '","used":"'
                || trim_scale(v_c_used[v_c] - v_c_held[v_c] + CASE WHEN v_c_per_request[v_c] THEN 0 ELSE v_a END) || '","advice":' || coalesce(v_c_advice[v_c], 'null') || '}';
            ELSE
              v_c_denied_count[v_c] := v_c_denied_count[v_c] + 1;
              v_c_denied_amount[v_c] := v_c_denied_amount[v_c] + v_a;
            END IF;
          ELSIF v_c_per_request[v_c] THEN
            CONTINUE;
          END IF;
          IF v_c_no[v_c] IS NULL THEN
            v_k_no[v_k] := v_k_no[v_k] + 1;
            v_c_no[v_c] := v_k_no[v_k];
          END IF;
          v_c_changed[v_c] := true;
          CONTINUE WHEN v_c_per_request[v_c];
          v_c_used[v_c] := v_c_used[v_c] + v_a;
          IF v_c_rolled[v_c] AND v_c_from_seq[v_c] IS NULL THEN
            v_c_from_seq[v_c] := v_seq;
          END IF;
          v_counted := v_counted || ',' || v_c_no[v_c];
          v_simple := v_simple AND v_x_plain[v_x];
        END LOOP;
        v_r_counted_type[v_r] := CASE WHEN v_simple THEN v_one_type END;
        v_r_counted[v_r] := v_counted;
      END IF;

      -- The answer, twice: with numbers to keep, with ids to show.
      v_credits := '';
      v_fell_short := NULL;
      IF v_one_type > 0 THEN
        v_credits := '{"' || v_t_type[v_one_type] || '":"' || trim_scale(v_paid) || '"';
      END IF;
      FOR v_t IN CASE WHEN v_one_type > 0 THEN v_p_t_to[v_p] + 1 ELSE v_t_from END .. v_p_t_to[v_p] LOOP
        v_a := v_m[v_many + v_t - v_t_from + 1];
        IF v_short > 0 AND v_t = v_short_type THEN
          v_fell_short := '{"' || v_t_type[v_t] || '":"' || trim_scale(v_short) || '"}';
          v_a := v_a - v_short;
        END IF;
        CONTINUE WHEN v_a IS NULL OR v_a = 0;
        v_credits := v_credits || CASE WHEN v_credits = '' THEN '{"' ELSE ',"' END || v_t_type[v_t] || '":"' || trim_scale(v_a) || '"';
      END LOOP;
      IF v_credits <> '' THEN
        v_credits := v_credits || '}';
        v_i_credits[v_i] := v_credits;
        -- Of one type they are the sum of the slices.
        v_text := CASE WHEN v_one_type > 0 THEN '{"s":[' ELSE '{"c":' || v_credits || ',"s":[' END || v_text || ']';
        v_shown := '{"credits":' || v_credits || ',"slices":[' || v_shown || ']';
      ELSE
        v_text := '{"s":[]';
        v_shown := '{"slices":[]';
      END IF;
      IF v_fell_short IS NOT NULL THEN
        v_i_shortfall[v_i] := v_fell_short;
        v_text := v_text || ',"f":' || v_fell_short;
        v_shown := v_shown || ',"shortfall":' || v_fell_short;
      END IF;
      FOR v_s IN v_s_from .. v_s_to LOOP
        v_w := v_s_wallet[v_s];
        CONTINUE WHEN v_dormant AND v_w_dormant[v_w];
        v_a := trim_scale(v_w_available[v_w] + v_w_unbooked[v_w]);
        v_paid := trim_scale(v_w_owed[v_w] - v_w_unpaid[v_w]);
        v_balances := v_balances || ',[' || v_w_no[v_w] || ',' || v_a || core.kept_figures(v_w_held[v_w], v_w_leased[v_w], v_paid);
        v_balances_shown := v_balances_shown || ',[' || v_w_id[v_w] || ',"' || v_w_type[v_w] || '","' || v_a || '","' || v_w_held[v_w] || '","' || v_w_leased[v_w]
          || '","' || v_paid || '"]';
      END LOOP;
      v_text := v_text || ',"w":[' || substr(v_balances, 2) || ']';
      v_shown := v_shown || ',"wallets":[' || substr(v_balances_shown, 2) || ']';
      IF v_phase = 'CAP' THEN
        v_i_quantities[v_i] := '{"' || v_r_names[v_r] || '":"' || trim_scale(v_amounts[v_at + 1]) || '"}';
        v_text := v_text || ',"q":' || v_i_quantities[v_i];
        v_shown := v_shown || ',"quantities":' || v_i_quantities[v_i];
      END IF;
      IF v_warned <> '' THEN
        v_text := v_text || ',"n":[' || substr(v_warned, 2) || ']';
        v_shown := v_shown || ',"warnings":[' || substr(v_warned_shown, 2) || ']';
      END IF;
      v_c := CASE WHEN v_would IS NULL THEN v_nearest ELSE v_denied_by END;
      IF v_would = 'INSUFFICIENT_CREDITS' AND v_s_last >= v_s_from THEN
        v_w := v_s_wallet[v_s_last];
        v_text := v_text || ',"b":["WALLET",' || v_w_no[v_w] || ',' || v_w_entity[v_w] || ',' || v_w_limit[v_w] || ',' || v_w_owed[v_w] - v_w_unpaid[v_w] || ']';
        v_shown := v_shown || ',"binding":{"kind":"WALLET","walletId":' || v_w_id[v_w] || ',"limit":"' || v_w_limit[v_w] || '","used":"'
          || v_w_owed[v_w] - v_w_unpaid[v_w] || '","held":"0","resetsAt":null';
        v_i_bound[v_i] := v_w_entity[v_w];
      ELSIF v_c IS NOT NULL THEN
        IF v_c_resets[v_c] IS NULL THEN
          v_c_resets[v_c] := core.json_instant(v_c_end[v_c]);
        END IF;
        v_text := v_text || concat(',"b":[', v_c_budget[v_c], ',', v_c_subject[v_c], ',', v_c_limit[v_c], ',', trim_scale(v_c_used[v_c] - v_c_held[v_c]), ',',
                                   core.epoch_seconds(v_c_end[v_c]), ',' || nullif(v_c_held[v_c], 0), ']');
        v_shown := v_shown || ',"binding":{"kind":"BUDGET","budgetId":' || v_c_budget_id[v_c] || ',"limit":"' || v_c_limit[v_c] || '","used":"'
          || trim_scale(v_c_used[v_c] - v_c_held[v_c]) || '","held":"' || v_c_held[v_c] || '","resetsAt":' || v_c_resets[v_c];
        v_i_bound[v_i] := CASE WHEN v_c_newcomer[v_c] IS NULL THEN v_c_subject[v_c] END;
        v_shown := v_shown || coalesce(',"entityId":' || to_json(v_u_id[v_c_newcomer[v_c]])::text || '}', '');
      END IF;
      v_i_status[v_i] := 'NEW';
      v_i_allowed[v_i] := true;
      v_i_would[v_i] := v_would IS NULL;
      v_i_reason[v_i] := v_would;
      v_i_seq[v_i] := v_seq;
      v_i_answer[v_i] := v_text || '}';
      v_i_shown[v_i] := v_shown;
      v_i_counters[v_i] := '[' || substr(v_counted, 2) || ']';
      v_amounts[v_at + 1] := v_asked;
    END item;
    IF v_i_status[v_i] = 'NEW' THEN
      v_k_recorded[v_k] := true;
    ELSIF v_i_status[v_i] IS NULL THEN
      v_i_status[v_i] := 'UNRECORDED';
    END IF;

    -- A group ends: one member that failed undoes them all.
    CONTINUE WHEN v_turns IS NULL;
    v_group_failed := v_group_failed OR (v_i_group[v_i] IS NOT NULL AND v_i_status[v_i] <> 'REPLAYED' AND NOT (v_i_allowed[v_i] AND v_i_would[v_i]));
    v_group_refused := v_group_refused OR (v_i_group[v_i] IS NOT NULL AND v_i_status[v_i] = 'UNRECORDED');
    IF v_turn = v_group_to THEN
      IF v_group_failed AND (v_group_refused OR NOT v_k_observe[v_k]) THEN
        v_k_seq[v_k] := v_saved.k_seq; v_k_no[v_k] := v_saved.k_no; v_k_created[v_k] := v_saved.k_created; v_u_seq := v_saved.u_seq;
        v_g_left := v_saved.g_left; v_g_changed := v_saved.g_changed;
        v_w_scheduled := v_saved.w_scheduled; v_w_available := v_saved.w_available; v_w_unbooked := v_saved.w_unbooked;
        v_w_owed := v_saved.w_owed; v_w_changed := v_saved.w_changed; v_w_dormant := v_saved.w_dormant; v_w_new := v_saved.w_new;
        v_w_no := v_saved.w_no; v_w_shortfall := v_saved.w_shortfall;
        v_c_no := v_saved.c_no; v_c_used := v_saved.c_used; v_c_denied_count := v_saved.c_denied_count;
        v_c_denied_amount := v_saved.c_denied_amount; v_c_from_seq := v_saved.c_from_seq; v_c_changed := v_saved.c_changed;
        v_entries := v_saved.entries;
      END IF;
      IF v_group_failed THEN
        FOR v_j IN v_group_from .. v_group_to LOOP
          v_i := v_turns[v_j];
          CONTINUE WHEN v_i_status[v_i] = 'REPLAYED';
          IF v_i_allowed[v_i] AND v_i_would[v_i] THEN
            v_i_reason[v_i] := 'GROUP_DENIED';
            v_i_would[v_i] := false;
          END IF;
          CONTINUE WHEN v_k_observe[v_k] AND NOT v_group_refused;
          v_i_seq[v_i] := v_k_seq[v_k];
          IF v_i_allowed[v_i] THEN
            v_i_allowed[v_i] := false; v_i_answer[v_i] := '{}'; v_i_shown[v_i] := '{'; v_i_bound[v_i] := NULL;
            v_i_credits[v_i] := NULL; v_i_shortfall[v_i] := NULL; v_i_counters[v_i] := NULL;
          END IF;
          IF v_group_refused THEN
            v_i_status[v_i] := 'UNRECORDED';
          END IF;
        END LOOP;
      END IF;
      v_group_to := NULL;
      v_group_mixed := false;
    END IF;
  END LOOP;

  -- The verdict: the answers, and of what was loaded only what changed.
  v_verdict.at := p_at; v_verdict.catalog_version := v_catalog;
  v_verdict.i_customer := v_i_customer; v_verdict.i_key := v_i_key; v_verdict.i_month := v_request.i_month; v_verdict.i_fingerprint := v_i_print;
  v_verdict.i_status := v_i_status; v_verdict.i_allowed := v_i_allowed; v_verdict.i_would_allow := v_i_would; v_verdict.i_reason := v_i_reason;
  v_verdict.i_seq := v_i_seq; v_verdict.i_recorded_at := v_i_at; v_verdict.i_answer := v_i_answer; v_verdict.i_shown := v_i_shown;
  v_verdict.i_bound := v_i_bound; v_verdict.i_ask := v_i_ask; v_verdict.i_session := v_request.i_session; v_verdict.i_quantities := v_i_quantities;
  v_verdict.i_credits := v_i_credits; v_verdict.i_shortfall := v_i_shortfall; v_verdict.i_counters := v_i_counters;
  v_verdict.i_metadata := v_request.i_metadata;
  IF v_dry THEN
    RETURN v_verdict;
  END IF;
  v_verdict.a_route := v_a_route; v_verdict.a_quantities := v_a_quantities; v_verdict.r_price := v_r_price; v_verdict.p_dimensions := v_p_dimensions;
  v_verdict.a_credits := v_a_credits; v_verdict.r_counters := v_r_counters; v_verdict.r_feature := v_r_feature; v_verdict.r_named := v_r_named; v_verdict.r_path := v_r_path;
  v_verdict.r_occurred := v_request.r_occurred;
  v_verdict.e_customer := v_e_customer[:v_entries]; v_verdict.e_seq := v_e_seq[:v_entries]; v_verdict.e_leg := v_e_leg[:v_entries];
  v_verdict.e_wallet := v_e_wallet[:v_entries]; v_verdict.e_account := v_e_account[:v_entries]; v_verdict.e_grant := v_e_grant[:v_entries];
  v_verdict.e_amount := v_e_amount[:v_entries]; v_verdict.e_balance := v_e_balance[:v_entries];
  v_verdict.g_wallet := v_g_wallet; v_verdict.g_no := v_g_no; v_verdict.g_remaining := v_g_left; v_verdict.g_changed := v_g_changed;
  v_verdict.w_customer := v_w_customer; v_verdict.w_no := v_w_no; v_verdict.w_scheduled := v_w_scheduled; v_verdict.w_available := v_w_available;
  v_verdict.w_owed := v_w_owed; v_verdict.w_shortfall := v_w_shortfall; v_verdict.w_type := v_w_type; v_verdict.w_is_new := v_w_new; v_verdict.w_changed := v_w_changed;
  v_verdict.c_customer := v_c_customer; v_verdict.c_no := v_c_no; v_verdict.c_budget := v_c_budget; v_verdict.c_subject := v_c_subject;
  v_verdict.c_session := v_c_session; v_verdict.c_start := v_c_start; v_verdict.c_end := v_c_end; v_verdict.c_used := v_c_used; v_verdict.c_held := v_c_held;
  v_verdict.c_denied_count := v_c_denied_count; v_verdict.c_denied_amount := v_c_denied_amount; v_verdict.c_from_seq := v_c_from_seq;
  v_verdict.c_is_new := v_c_is_new; v_verdict.c_changed := v_c_changed;
  IF v_unknown > 0 THEN
  SELECT array_agg(p_customers[u.k]), array_agg(u.no), array_agg(u.id), array_agg(u.path), array_agg(u.types), array_agg(u.seq)
  INTO v_verdict.n_customer, v_verdict.n_no, v_verdict.n_id, v_verdict.n_path, v_verdict.n_types, v_verdict.n_seq
  FROM unnest(v_u_k, v_u_no, v_u_id, v_u_path, v_u_types, v_u_seq) AS u (k, no, id, path, types, seq)
  WHERE u.seq IS NOT NULL;
  END IF;
  v_verdict.k_id := p_customers; v_verdict.k_seq := v_k_seq; v_verdict.k_last_no := v_k_no; v_verdict.k_created := v_k_created;
  v_verdict.k_recorded := v_k_recorded;
  RETURN v_verdict;
END
$$;
