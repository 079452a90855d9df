-- The one decider: what check answers and what consume writes down.
--
-- STABLE, so that all it reads is one snapshot; consume calls it after it has locked the gates. It loads
-- what the whole batch needs with one statement per table, judges the items in order in memory, so that a
-- denied item does not count against later ones, and writes nothing.
--
-- What items share is read, loaded and found out once. Items that differ only in key, session, group and metadata are one
-- *ask*; asks that differ only in their amounts take one *route*; routes that differ only in customer, entities and overage have
-- one *price*. A single item is one of each, and no statement is needed to find that out.
--
-- A customer whose items *fit* whatever order they come in (all of them together stay within each limit and within the first
-- grant of their burn order) needs no second look at each; the others are judged one by one. Either way one piece of code books.
--
-- PL/pgSQL hands arrays from function to function by copy, so this is one function; the loader puts it together
-- from its parts, which share the variables declared here.
--
-- Look-ups are laterals with a LIMIT or OFFSET, and sequential scans are off: the planner, which cannot know how
-- long an array will be, must not turn them into scans of whole tables, nor keep a plan made while a table was empty.
-- Prefixes of the locals: i_ item, a_ ask, r_ route, p_ price, t_ credit type of a price, s_ stop (a wallet on a route, in
-- burn order), x_ charge (a counter on a route, in the order limits bind), w_ wallet, g_ grant, c_ counter,
-- u_ unknown entity, k_ customer, e_ ledger entry; b_ what is booked for the item at hand.
--
--   p_operation    check, consume, or reserve, which holds what consume charges; its first letter begins every fingerprint
--   p_customer_id  whose items they are where they do not say so; null where each must
--   p_customers    all customers of the items, each once, in the order of COLLATE "C"
--   p_held         for each of them, whether the caller holds its gate (a check: true): false is answered DEFERRED; null was not there
--   p_at           the instant; null for now, but not before anything the customers have recorded
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
  c_most CONSTANT numeric := 99999999999999999999999999999.999999999; -- what a limit and its raises may come to, since what is used may
  v_verdict core.verdict;
  v_row record;
  v_catalog bigint;
  v_installed timestamptz;
  -- What is recorded as having happened before it is refused: the end of the last closed month, or the beginning of this one.
  v_open_from timestamptz;
  v_sessions boolean;
  v_dry boolean;
  v_holds boolean;
  v_due_at timestamptz;
  v_last_at timestamptz;
  v_due boolean;
  v_alone boolean;
  -- customers
  v_k_seq bigint[]; v_k_was bigint[]; v_k_no integer[]; v_k_created integer[]; v_k_suspended boolean[]; v_k_has_suspended boolean[]; v_k_suspended_nos text[]; v_k_observe boolean[];
  v_k_deferred boolean[]; v_k_recorded boolean[]; v_k_unknown_type text[]; v_k_unknown_parent integer[]; v_k_unknown_left integer[];
  v_k_fits boolean[]; v_k_asked integer[];
  -- items
  v_i_customer text[]; v_i_key text[]; v_i_kept bytea[]; v_i_session text[]; v_i_metadata jsonb[]; v_i_month date[]; v_i_asked text[]; v_i_print bytea[]; v_i_ask integer[]; v_i_first integer[]; v_i_group text[];
  v_i_quantities text[]; v_i_old_print bytea[]; v_i_old_seq bigint[]; v_i_old_at timestamptz[]; v_i_old_reason text[]; v_i_old_answer text[];
  v_i_old_allowed boolean[]; v_items integer[];
  v_i_status text[]; v_i_allowed boolean[]; v_i_would boolean[]; v_i_reason text[]; v_i_seq bigint[]; v_i_at timestamptz[]; v_i_answer text[];
  v_i_balance numeric[]; v_i_held numeric[]; v_i_free integer[]; v_free integer; v_i_shown text[]; v_i_bound integer[]; v_i_credits text[]; v_i_shortfall text[]; v_i_counters text[];
  -- asks
  v_a_first integer[]; v_a_names text[]; v_a_zeros text[]; v_a_twice boolean[]; v_a_taken text[]; v_a_route integer[]; v_a_amount integer[]; v_a_count integer[]; v_a_print bytea[]; v_a_quantities text[]; v_amounts numeric[]; v_a_due numeric[]; v_a_credits text[]; v_a_kept text[]; v_a_shown text[]; v_a_counters text[];
  -- routes
  v_r_first integer[]; v_r_entities jsonb[]; v_r_dimensions jsonb[]; v_r_occurred timestamptz[]; v_r_seconds integer[]; v_r_expires text[]; v_r_zeros text[]; v_r_priced text[];
  v_r_k integer[]; v_r_price integer[]; v_r_overage text[]; v_r_customer text[]; v_r_feature text[]; v_r_session text[]; v_r_names text[];
  v_r_reason text[]; v_r_unbookable text[]; v_r_undeclared boolean[]; v_r_print bytea[];
  v_r_named text[]; v_r_path text[]; v_r_chain text[]; v_r_types text[]; v_r_unknown text[]; v_r_plain boolean[]; v_r_counted_type integer[]; v_r_counted text[]; v_r_counters text[];
  v_r_s_from integer[]; v_r_s_to integer[]; v_r_x_from integer[]; v_r_x_to integer[];
  v_r_m_from integer[]; v_m_all numeric[]; v_m_most numeric[]; v_r_grant integer[]; v_r_type integer[]; v_r_nearest integer[]; v_r_y_from integer[]; v_r_y_to integer[];
  v_r_kept_binding text[]; v_r_kept_end text[]; v_r_shown_binding text[]; v_r_shown_end text[];
  -- the request while it is read
  v_item jsonb; v_session text; v_group text; v_metadata jsonb; v_quantities jsonb; v_dimensions jsonb; v_name text; v_amount text; v_names text; v_zeros text; v_hash bigint;
  v_undated date; v_latest date; v_month date; v_kept bytea; v_begins bytea; v_ends bytea; v_month_from date; v_month_to date;
  -- prices
  v_p_route integer[]; v_p_dimensions text[]; v_p_limits jsonb[]; v_p_step numeric[]; v_p_many integer[]; v_p_twice boolean[]; v_p_undeclared boolean[]; v_p_unbookable text[];
  v_p_priceless text[]; v_p_print bytea[]; v_p_t_from integer[]; v_p_t_to integer[]; v_p integer;
  -- credit types of prices: the price of t is Σ amount × rate ÷ t_over, exactly
  v_t_type text[]; v_t_unit numeric[]; v_t_decimals integer[]; v_t_over numeric[]; v_t_rate integer[]; v_rates numeric[];
  v_types integer := 0; v_over numeric; v_t_amount numeric[]; v_t_units numeric[];
  -- paths
  v_path integer[]; v_path_types text[]; v_nodes integer[];
  -- unknown entities
  v_unknown integer := 0; v_u_k integer[]; v_u_id text[]; v_u_no integer[]; v_u_path text[]; v_u_types text[]; v_u_seq bigint[]; v_u integer;
  -- stops, wallets, grants
  v_s_wallet integer[]; v_s_type integer[];
  v_wallets integer := 0; v_w_customer text[]; v_w_no integer[]; v_w_id text[]; v_w_type text[]; v_w_scheduled numeric[]; v_w_available numeric[];
  v_w_unbooked numeric[]; v_w_held numeric[]; v_w_leased text[]; v_w_owed numeric[]; v_w_unpaid numeric[]; v_w_shortfall numeric[]; v_w_receivable numeric[];
  v_w_limit numeric[]; v_w_changed boolean[]; v_w_new boolean[]; v_w_dormant boolean[]; v_dormant boolean := false; v_may_record boolean; v_w_g_from integer[]; v_w_g_to integer[]; v_w_entity integer[]; v_w_kept_from text[]; v_w_kept text[]; v_w_shown_from text[]; v_w_shown text[];
  v_grants integer := 0; v_g_wallet integer[]; v_g_no bigint[]; v_g_left numeric[]; v_g_only text[]; v_g_scheduled boolean[]; v_g_changed boolean[];
  -- charges, counters
  v_x_route integer[]; v_x_counter integer[]; v_x_measure integer[]; v_x_name text[]; v_x_limit numeric[]; v_x_plain boolean[];
  v_counters integer := 0; v_c_customer text[]; v_c_no integer[]; v_c_budget integer[]; v_c_budget_id text[]; v_c_subject integer[]; v_c_session text[];
  v_c_mode text[]; v_c_per_request boolean[]; v_c_limit numeric[]; v_c_advice text[]; v_c_start timestamptz[]; v_c_end timestamptz[]; v_c_used numeric[];
  v_c_held numeric[]; v_c_denied_count integer[]; v_c_denied_amount numeric[]; v_c_from_seq bigint[]; v_c_rolled boolean[]; v_c_is_new boolean[];
  v_c_changed boolean[]; v_c_newcomer integer[]; v_c_label text[]; v_c_wanted numeric[]; v_c_askers text[]; v_c_was_used numeric[]; v_c_resets text[]; v_c_tracked boolean[]; v_y_counter integer[]; v_y_amount integer[];
  -- entries
  v_entries integer := 0; v_e_customer text[]; v_e_seq bigint[]; v_e_leg integer[]; v_e_wallet integer[]; v_e_account core.account[];
  v_e_grant bigint[]; v_e_amount numeric[]; v_e_balance numeric[]; v_e_held numeric[];
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
  v_fell_short text; v_rest text; v_bound text; v_bound_shown text; v_figure text; v_separator text; v_instant text; v_counted text; v_warned text; v_warned_shown text;
  v_a numeric; v_s integer; v_t integer; v_w integer; v_g integer; v_x integer; v_c integer; v_j integer; v_n integer; v_o integer;
BEGIN
  v_dry := p_operation = 'check';
  v_holds := p_operation = 'reserve';
  SELECT catalog_version, installed_at, open_from INTO v_catalog, v_installed, v_open_from FROM core.installation;

  -- part: judge/read_customers.plpgsql

  -- part: judge/read_items.plpgsql

  -- part: judge/read_asks.plpgsql

  -- part: judge/read_routes.plpgsql

  -- part: judge/load_prices.plpgsql

  -- part: judge/load_keys.plpgsql

  -- part: judge/load_suspensions.plpgsql

  -- part: judge/load_paths.plpgsql

  -- part: judge/load_wallets.plpgsql

  -- part: judge/load_budgets.plpgsql

  IF v_due THEN
    -- part: judge/apply_dues.plpgsql
  END IF;

  -- part: judge/find_who_fits.plpgsql

  FOR v_turn IN 1 .. cardinality(v_i_key) LOOP
    v_i := coalesce(v_turns[v_turn], v_turn);
    v_ask := v_i_ask[v_i];
    v_r := v_a_route[v_ask];
    v_k := v_r_k[v_r];
    v_i_print[v_i] := v_r_print[v_r] || v_a_print[v_ask] || v_i_print[v_i];
    IF v_r_occurred[v_r] IS NOT NULL THEN
      v_i_print[v_i] := v_i_print[v_i] || int4send(hashtext(extract(epoch FROM v_r_occurred[v_r])::text));
    ELSIF v_holds THEN
      v_i_print[v_i] := v_i_print[v_i] || int4send(v_r_seconds[v_r]);
    END IF;

    -- part: judge/book_who_fits.plpgsql

    v_p := v_r_price[v_r];
    v_at := v_a_amount[v_ask];
    v_many := v_p_many[v_p];
    v_t_from := v_p_t_from[v_p];
    v_s_from := v_r_s_from[v_r];
    v_s_to := v_r_s_to[v_r];
    v_x_from := v_r_x_from[v_r];
    v_x_to := v_r_x_to[v_r];

    -- part: judge/begin_group.plpgsql

    <<item>>
    BEGIN
      -- part: judge/answer_replay.plpgsql

      -- part: judge/refuse_beforehand.plpgsql

      -- part: judge/judge_forward.plpgsql

      -- part: judge/deny.plpgsql

      -- part: judge/book.plpgsql
    END item;
    IF v_i_status[v_i] = 'NEW' THEN
      v_k_recorded[v_k] := true;
    ELSIF v_i_status[v_i] IS NULL THEN
      v_i_status[v_i] := 'UNRECORDED';
    END IF;

    -- part: judge/end_group.plpgsql
  END LOOP;

  -- part: judge/hand_on.plpgsql
END
$$;
