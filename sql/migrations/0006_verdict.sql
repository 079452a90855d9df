-- What core.judge hands to its callers: the answers, and everything core.consume_batch has to write, as
-- parallel arrays, so that each table is written by one statement. Prefixes: i_ one per item, a_ per ask, r_ per route,
-- p_ per price, e_ per ledger entry, and one per changed row of g_ grant, w_ wallet, c_ counter, n_ new entity, k_ customer.
CREATE TYPE core.verdict AS (
  at                timestamptz,
  catalog_version   bigint,
  i_customer        text[],
  i_key             text[],
  i_kept            bytea[],
  i_month           date[],
  i_fingerprint     bytea[],
  -- NEW (decided now), REPLAYED, UNRECORDED (its key may come again), DEFERRED
  i_status          text[],
  i_allowed         boolean[],
  i_would_allow     boolean[],
  i_reason          text[],
  i_seq             bigint[],
  i_recorded_at     timestamptz[],
  -- The answer to keep, with numbers for ids; the one to show, open at its end; whose binding it names.
  i_answer          text[],
  i_shown           text[],
  i_bound           integer[],
  i_ask             integer[],
  i_session         text[],
  i_quantities      text[],
  i_credits         text[],
  i_shortfall       text[],
  i_counters        text[],
  i_metadata        jsonb[],
  -- Of a wallet after an item that takes one slice of it, what it is due of its route's grant; null where its entries are in e_.
  i_balance         numeric[],
  a_route           integer[],
  a_due             numeric[],
  r_grant           integer[],
  -- Where an item says nothing else: what it takes, what it costs, which counters it charges.
  a_quantities      text[],
  a_credits         text[],
  r_counters        text[],
  r_price           integer[],
  r_feature         text[],
  r_named           text[],
  r_path            text[],
  r_occurred        timestamptz[],
  p_dimensions      text[],
  e_customer        text[],
  e_seq             bigint[],
  e_leg             integer[],
  e_wallet          integer[],
  e_account         core.account[],
  e_grant           bigint[],
  e_amount          numeric[],
  e_balance         numeric[],
  -- Of what was loaded, changed or not: g_ grants, by the number of their wallet in w_.
  g_wallet          integer[],
  g_no              bigint[],
  g_remaining       numeric[],
  g_changed         boolean[],
  w_customer        text[],
  w_no              integer[],
  w_scheduled       numeric[],
  w_available       numeric[],
  w_owed            numeric[],
  w_shortfall       numeric[],
  w_type            text[],
  w_is_new          boolean[],
  w_changed         boolean[],
  c_customer        text[],
  c_no              integer[],
  c_budget          integer[],
  c_subject         integer[],
  c_session         text[],
  c_start           timestamptz[],
  c_end             timestamptz[],
  -- What is held included.
  c_used            numeric[],
  c_held            numeric[],
  -- By how much more would have been denied.
  c_denied_count    integer[],
  c_denied_amount   numeric[],
  -- The seq from which a window that began now counts; null where the window goes on.
  c_from_seq        bigint[],
  c_is_new          boolean[],
  c_changed         boolean[],
  n_customer        text[],
  n_no              integer[],
  n_id              text[],
  n_path            text[],
  n_types           text[],
  n_seq             bigint[],
  k_id              text[],
  k_seq             bigint[],
  k_last_no         integer[],
  k_created         integer[],
  -- Whether anything was recorded, a denial too.
  k_recorded        boolean[]
);

-- What core.parse_items makes of a list of items: i_ one per item, a_ per ask, r_ per route.
CREATE TYPE core.request AS (
  i_customer   text[],
  i_key        text[],
  -- The same by core.key_bytes.
  i_kept       bytea[],
  i_month      date[],
  month_from   date,
  month_to     date,
  -- Fingerprints: of session and of group or instant; a_ of the amounts; r_ of all else but the dimensions.
  i_print      bytea[],
  i_ask        integer[],
  -- The first item of the batch with the same customer and key; null where no key stands twice.
  i_first      integer[],
  i_group      text[],
  i_session    text[],
  i_metadata   jsonb[],
  a_route      integer[],
  -- How many of `amounts` stand before those of this ask.
  a_amount     integer[],
  -- How many items ask it.
  a_count      integer[],
  a_print      bytea[],
  a_quantities text[],
  -- Amounts of all asks, one after the other: each ask's as named, without those that are zero.
  amounts      numeric[],
  -- In which order to judge, where that is not as asked: a group stands at the first one's place.
  turns        integer[],
  r_customer   text[],
  -- Which of the customers that is, in the order of COLLATE "C".
  r_k          integer[],
  r_feature    text[],
  -- Routes with one price share feature, quantities, dimensions and instant: everything a price depends on.
  r_price      integer[],
  r_entities   jsonb[],
  r_session    text[],
  r_dimensions jsonb[],
  r_overage    text[],
  r_occurred   timestamptz[],
  r_print      bytea[],
  r_names      text[],
  -- Names that came with an amount of zero: they cost nothing, and must be declared all the same.
  r_zeros      text[]
);
