-- A recorded answer with ids in place of the numbers it is kept with, open at its end as core.judge leaves
-- its own: core.judge builds a new answer both ways at once, this is for replays. A test holds the two equal.
--
--   p_answer    [slices, wallets, what binds, {all else}], from its end as much as there is: c credits, where they are more than the
--               sum of the slices; f shortfall; q quantities; n warnings. A denial, which has no slices, has the catalogue version there
--   p_entities  the ids of the request that is replayed: an entity that was denied before it was made has no number, and is
--               kept as the negative of its place there
CREATE OR REPLACE FUNCTION core.show_answer(p_customer_id text, p_answer text, p_entities jsonb DEFAULT NULL) RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_kept json := p_answer;
  v_slices json := CASE WHEN json_typeof(v_kept -> 0) = 'array' THEN v_kept -> 0 END;
  v_wallets json := v_kept ->> 1;
  v_binding json := v_kept ->> 2;
  v_rest json := v_kept -> 3;
  v_shown text := '';
BEGIN
  IF v_rest -> 'c' IS NOT NULL THEN
    v_shown := v_shown || ',"credits":' || (v_rest ->> 'c');
  ELSIF v_slices -> 0 IS NOT NULL THEN
    -- All of one type, if nothing is said.
    v_shown := v_shown || ',"credits":{' || to_json((
        SELECT w.credit_type FROM core.wallet AS w WHERE w.customer_id = p_customer_id AND w.wallet_no = (v_slices -> 0 ->> 0)::integer))
      || ':"' || (SELECT trim_scale(sum((s ->> 2)::numeric)) FROM json_array_elements(v_slices) AS s) || '"}';
  END IF;
  IF v_slices IS NOT NULL THEN
    v_shown := v_shown || ',"slices":[' || coalesce((
      SELECT string_agg('[' || to_json(w.wallet_id) || ',' || coalesce('"' || (s.slice ->> 1) || '"', 'null') || ',"' || (s.slice ->> 2) || '"]', ',' ORDER BY s.n)
      FROM json_array_elements(v_slices) WITH ORDINALITY AS s (slice, n)
      JOIN core.wallet AS w ON w.customer_id = p_customer_id AND w.wallet_no = (s.slice ->> 0)::integer), '') || ']';
  END IF;
  IF v_rest -> 'f' IS NOT NULL THEN
    v_shown := v_shown || ',"shortfall":' || (v_rest ->> 'f');
  END IF;
  IF v_wallets IS NOT NULL THEN
    v_shown := v_shown || ',"wallets":[' || coalesce((
      SELECT string_agg('[' || to_json(w.wallet_id) || ',' || to_json(w.credit_type) || ',"' || concat_ws('","', b.balance ->> 1, coalesce(f.held, '0'), coalesce(b.balance ->> 3, '0'), coalesce(b.balance ->> 4, '0'))
                          || core.shown_figures(coalesce(b.balance ->> 5, '0')::numeric, coalesce(b.balance ->> 6, '0')::numeric, coalesce(f.overdraft_limit, '0')::numeric),
                        ',' ORDER BY b.n)
      FROM json_array_elements(v_wallets) WITH ORDINALITY AS b (balance, n)
      -- What stands alone after what is available is the overdraft limit: core.kept_figures.
      CROSS JOIN LATERAL (
        SELECT CASE WHEN b.balance ->> 3 IS NOT NULL THEN b.balance ->> 2 END, CASE WHEN b.balance ->> 3 IS NOT NULL THEN b.balance ->> 7 ELSE b.balance ->> 2 END
      ) AS f (held, overdraft_limit)
      JOIN core.wallet AS w ON w.customer_id = p_customer_id AND w.wallet_no = (b.balance ->> 0)::integer), '') || ']';
  END IF;
  IF v_rest -> 'q' IS NOT NULL THEN
    v_shown := v_shown || ',"quantities":' || (v_rest ->> 'q');
  END IF;
  IF v_rest -> 'n' IS NOT NULL THEN
    v_shown := v_shown || ',"warnings":[' || (
      SELECT string_agg('{"budgetId":' || to_json(b.budget_id) || ',"entityId":' || core.entity_label(p_customer_id, (n.warning ->> 1)::integer) || ',"limit":"' || (n.warning ->> 2)
                        || '","used":"' || (n.warning ->> 3) || '","advice":' || coalesce((n.warning -> 4)::text, 'null') || '}', ',' ORDER BY n.n)
      FROM json_array_elements(v_rest -> 'n') WITH ORDINALITY AS n (warning, n)
      JOIN core.budget AS b ON b.customer_id = p_customer_id AND b.budget_no = (n.warning ->> 0)::integer) || ']';
  END IF;
  IF v_binding ->> 0 = 'WALLET' THEN
    v_shown := v_shown || ',"binding":{"kind":"WALLET","walletId":'
      || (SELECT to_json(w.wallet_id)::text FROM core.wallet AS w WHERE w.customer_id = p_customer_id AND w.wallet_no = (v_binding ->> 1)::integer)
      || ',"limit":"' || (v_binding ->> 3) || '","used":"' || (v_binding ->> 4) || '","held":"0","resetsAt":null,"entityId":'
      || core.entity_label(p_customer_id, (v_binding ->> 2)::integer) || '}';
  ELSIF v_binding ->> 0 = 'REQUEST_LIMIT' THEN
    v_shown := v_shown || ',"binding":{"kind":"REQUEST_LIMIT","quantity":' || to_json(v_binding ->> 1) || ',"limit":"' || (v_binding ->> 2)
      || '","used":"0","held":"0","resetsAt":null,"entityId":null}';
  ELSIF json_typeof(v_binding) = 'array' THEN
    v_shown := v_shown || ',"binding":{"kind":"BUDGET","budgetId":'
      || (SELECT to_json(b.budget_id)::text FROM core.budget AS b WHERE b.customer_id = p_customer_id AND b.budget_no = (v_binding ->> 0)::integer)
      || ',"limit":"' || (v_binding ->> 2) || '","used":"' || (v_binding ->> 3) || '","held":"' || coalesce(v_binding ->> 5, '0') || '","resetsAt":'
      || coalesce(core.json_instant(to_timestamp((v_binding ->> 4)::bigint)), 'null') || ',"entityId":'
      || CASE WHEN (v_binding ->> 1)::integer < 0 THEN coalesce((p_entities -> -(v_binding ->> 1)::integer - 1)::text, 'null')
         ELSE core.entity_label(p_customer_id, (v_binding ->> 1)::integer) END || '}';
  END IF;
  RETURN '{' || substr(v_shown, 2);
END
$$;
