-- Takes steps of reservations in order: settles, releases, extends and expires them. The caller holds the gates and has booked
-- what was due before p_at; KERNEL §6 is the law, and the record of what was held the only source.
--
-- As core.judge does, it loads what all steps need with a statement per table, takes them one after the other in memory, and writes
-- with a statement per table. Only what goes beyond a hold is looked up step by step, and what a step makes (a wallet, a grant that returns) is
-- written at once for the next to find, since hardly any does either.
-- Prefixes of the locals: h_ reservation, s_ slice, x_ charge (a counter of a reservation), w_ wallet, g_ grant, c_ counter,
-- p_ price (of reservations alike), t_ credit type of a price, k_ customer; n_, e_, u_ and d_ what is to be written: steps,
-- ledger entries, usage events, windows.
--
--   p_kind      SETTLE, RELEASE, EXTEND or EXPIRE
--   p_no        the reservation; one that does not exist, or (null customer) one of nobody's, is answered RESERVATION_NOT_FOUND
--   p_names     SETTLE: names of quantities, with commas between them; p_amounts the same way
--   p_final     SETTLE: nothing more will come, so that what is still held returns
--   p_seconds   EXTEND: from now
--   p_due_at    EXPIRE: when it was due; a grant that had expired by then does not get its credits back
--   p_observe   as for a customer under OBSERVE what goes beyond a hold may be drawn from an overdraft, and a suspension stops nothing
CREATE OR REPLACE FUNCTION core.take_steps(
  p_kind text[], p_customer text[], p_no bigint[], p_names text[], p_amounts text[], p_final boolean[], p_seconds integer[], p_due_at timestamptz[],
  p_at timestamptz, p_observe boolean
) RETURNS core.step_answers
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_memoize = off
AS $$
DECLARE
  c_too_much CONSTANT numeric := 1e29;
  v_answers core.step_answers;
  v_row record;
  v_steps integer[] := ARRAY[cardinality(p_kind)];
  v_i_allowed boolean[]; v_i_would_allow boolean[]; v_i_reason text[]; v_i_replayed boolean[]; v_i_seq bigint[]; v_i_shown text[];
  -- customers
  v_k_id text[]; v_k_seq bigint[]; v_k_was bigint[]; v_k_last_no integer[]; v_k_observe boolean[]; v_k_suspended boolean[]; v_k_suspended_nos text[]; v_k_due timestamptz[];
  -- reservations
  v_i_h integer[]; v_h_customer text[]; v_h_k integer[]; v_h_no bigint[]; v_h_state text[]; v_h_closed boolean[]; v_h_reserved timestamptz[]; v_h_expires timestamptz[];
  v_h_version integer[]; v_h_observed boolean[]; v_h_feature text[]; v_h_overage text[]; v_h_session text[]; v_h_named json[]; v_h_dimensions json[];
  v_h_path json[]; v_h_settled json[]; v_h_slices json[]; v_h_shortfalls json[]; v_h_counters json[]; v_h_price integer[]; v_h_changed boolean[]; v_h_settles boolean[];
  v_h_names text[]; v_h_total integer[]; v_totals numeric[]; v_h_first integer[]; v_h_last integer[]; v_h_x_from integer[]; v_h_x_to integer[];
  -- slices, each with the next of its reservation
  v_s integer := 0; v_s_wallet integer[]; v_s_grant integer[]; v_s_amount numeric[]; v_s_settled numeric[]; v_s_next integer[]; v_s_free boolean[]; v_slices integer := 0;
  -- wallets and grants
  v_w_customer text[]; v_w_no integer[]; v_w_id text[]; v_w_type text[]; v_w_available numeric[]; v_w_held numeric[]; v_w_leased numeric[]; v_w_owed numeric[];
  v_w_limit numeric[]; v_w_shortfall numeric[]; v_w_receivable numeric[]; v_g_customer text[]; v_g_no bigint[]; v_g_wallet integer[]; v_g_left numeric[];
  v_g_held numeric[]; v_g_expires timestamptz[]; v_g_void boolean[]; v_g_charged_back boolean[];
  -- charges and counters
  v_x_counter integer[]; v_x_measure text[]; v_x_amount numeric[]; v_x_epoch text[]; v_x_before numeric[]; v_h_begun boolean[]; v_x integer; v_c integer;
  v_c_customer text[]; v_c_no integer[]; v_c_budget integer[]; v_c_used numeric[]; v_c_held numeric[]; v_c_start timestamptz[]; v_c_end timestamptz[]; v_c_epoch text[];
  v_c_used_at timestamptz[]; v_c_changed boolean[];
  -- prices
  v_p_counts text[]; v_p_lacks boolean[]; v_p_types text[]; v_p_t_from integer[]; v_p_t_to integer[]; v_p integer; v_t_type text[]; v_t_unit numeric[]; v_t_decimals integer[]; v_t_over numeric[];
  v_t_rate integer[]; v_t_lacks text[]; v_rates numeric[];
  -- the step at hand
  v_h integer; v_k integer; v_w integer; v_g integer; v_t integer; v_j integer; v_n integer; v_o integer; v_a numeric; v_names text[]; v_given text[]; v_said text[];
  v_reason text; v_is_new boolean; v_was numeric[]; v_m numeric[]; v_many integer; v_seq bigint; v_leg integer; v_acceptable integer[]; v_moment timestamptz;
  v_type integer; v_price numeric; v_left numeric; v_paid numeric; v_share_n numeric; v_share_d numeric; v_unpaid_n numeric; v_unpaid_d numeric; v_t_from integer;
  v_done boolean; v_too_much boolean; v_alone boolean; v_total numeric[]; v_free integer; v_due numeric[]; v_place integer; v_drawn numeric; v_drawn_wallet integer; v_last_wallet integer; v_last_type integer;
  v_short numeric; v_more_grant integer[]; v_more_wallet integer[]; v_more_amount numeric[]; v_spent numeric[]; v_types text[]; v_measured text; v_measure numeric; v_slices_shown text; v_short_shown text;
  v_counted text; v_text text; v_within numeric; v_shown text; v_seen integer[];
  -- what is written
  v_n_customer text[]; v_n_seq bigint[]; v_n_no bigint[]; v_n_kind text[]; v_n_expires timestamptz[]; v_n_due timestamptz[]; v_n_quantities text[];
  v_entries integer := 0; v_e_step integer[]; v_e_leg integer[]; v_e_kind core.entry_kind[]; v_e_wallet integer[];
  v_e_from core.account[]; v_e_to core.account[]; v_e_grant bigint[]; v_e_amount numeric[]; v_e_from_after numeric[]; v_e_to_after numeric[];
  v_u_h integer[]; v_u_seq bigint[]; v_u_quantities text[]; v_u_credits text[]; v_u_shortfall text[]; v_u_counters text[]; v_u_reason text[];
  v_d_counter integer[]; v_d_seq bigint[];
BEGIN
  v_i_allowed := array_fill(false, v_steps); v_i_would_allow := v_i_allowed; v_i_replayed := v_i_allowed;
  v_i_reason := array_fill(NULL::text, v_steps); v_i_shown := array_fill('{}'::text, v_steps); v_i_seq := array_fill(NULL::bigint, v_steps);
  v_i_h := array_fill(NULL::integer, v_steps);

  IF cardinality(p_kind) > 1 AND p_kind[1] = 'SETTLE' THEN
    -- part: take_steps/settle_within.plpgsql
  END IF;

  -- part: take_steps/load_reservations.plpgsql

  -- part: take_steps/load_prices.plpgsql

  FOR v_i IN 1 .. cardinality(p_kind) LOOP
    CONTINUE WHEN v_i_allowed[v_i]; -- taken already
    v_h := v_i_h[v_i];
    <<step>>
    BEGIN
      -- part: take_steps/refuse_beforehand.plpgsql

      IF p_kind[v_i] = 'SETTLE' THEN
        -- part: take_steps/plan_settlement.plpgsql

        -- part: take_steps/plan_excess.plpgsql

        -- part: take_steps/exceed_counters.plpgsql

        IF v_too_much OR v_w_shortfall[v_last_wallet] + v_short >= c_too_much THEN
          -- More than can be written down: nothing is recorded, and it may be said again.
          v_i_allowed[v_i] := false;
          v_i_would_allow[v_i] := false;
          v_i_reason[v_i] := 'REQUEST_LIMIT_EXCEEDED';
          EXIT step;
        END IF;
      END IF;

      -- part: take_steps/book.plpgsql
    END step;

    -- part: take_steps/show.plpgsql
  END LOOP;

  IF v_n_seq IS NOT NULL THEN
    -- part: take_steps/write.plpgsql
  END IF;
  v_answers.allowed := v_i_allowed; v_answers.would_allow := v_i_would_allow; v_answers.reason := v_i_reason; v_answers.replayed := v_i_replayed;
  v_answers.seq := v_i_seq; v_answers.shown := v_i_shown;
  RETURN v_answers;
END
$$;
