-- Gives a customer a history: what its consumptions so far left behind, again and again, with seqs and times that go
-- on, keys of their own (random ones and time-ordered ones in turns) and balances that follow. `api.verify` finds
-- nothing wrong with it. Columns are read from the catalogue, so that history has the shape that consumptions leave.
--
--   p_operations  how many consumptions there are afterwards: a multiple of those there are now
CREATE PROCEDURE bench.multiply_history(p_customer text, p_operations bigint) LANGUAGE plpgsql AS $$
DECLARE
  v_batch bigint;
  v_since date := (SELECT date_trunc('month', installed_at, 'UTC') FROM core.installation);
  v_last timestamptz := (SELECT last_at FROM core.gate WHERE customer_id = p_customer);
  v_grant bigint;
  v_paid numeric;
  v_times bigint;
  v_inserts text[];
BEGIN
  CREATE TEMP TABLE first_usage_event AS SELECT * FROM core.usage_event WHERE customer_id = p_customer;
  CREATE TEMP TABLE first_idempotency AS SELECT i.* FROM core.idempotency AS i JOIN first_usage_event USING (customer_id, seq);
  CREATE TEMP TABLE first_ledger_entry AS SELECT * FROM core.ledger_entry WHERE customer_id = p_customer AND kind = 'CONSUME';
  SELECT count(*) INTO v_batch FROM first_usage_event;
  v_times := p_operations / v_batch - 1;
  SELECT min(grant_no), sum(amount) INTO STRICT v_grant, v_paid
  FROM first_ledger_entry HAVING count(DISTINCT grant_no) = 1;

  SELECT array_agg(format('INSERT INTO core.%I (%s) SELECT %s FROM pg_temp.%I AS h, '
             'LATERAL (SELECT CASE WHEN $1 %% 2 = 0 OR h.seq < 0 THEN uuidv7() ELSE gen_random_uuid() END::text AS key) AS k '
             'ORDER BY h.seq', c.place, c.names, c.terms, 'first_' || c.place))
  INTO v_inserts
  FROM (
    SELECT relname AS place, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS names,
           string_agg(CASE a.attname
             WHEN 'seq' THEN 'h.seq + $1 * $2'
             WHEN 'recorded_at' THEN '$5 + $1 * interval ''1 microsecond'''
             WHEN 'from_balance_after' THEN 'h.from_balance_after - $1 * $3'
             WHEN 'key' THEN 'core.key_bytes(k.key)'
             WHEN 'key_month' THEN 'core.key_month(k.key, $4)'
             ELSE 'h.' || quote_ident(a.attname) END, ', ' ORDER BY a.attnum) AS terms
    FROM pg_attribute AS a JOIN pg_class AS t ON t.oid = a.attrelid
    WHERE a.attrelid IN ('core.usage_event'::regclass, 'core.ledger_entry'::regclass, 'core.idempotency'::regclass)
      AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY t.relname
  ) AS c;
  FOR v_turn IN 1 .. v_times LOOP
    FOR v_table IN 1 .. cardinality(v_inserts) LOOP
      EXECUTE v_inserts[v_table] USING v_turn::bigint, v_batch, v_paid, v_since, v_last;
    END LOOP;
  END LOOP;

  UPDATE core.credit_grant SET remaining = remaining - v_times * v_paid WHERE customer_id = p_customer AND grant_no = v_grant;
  UPDATE core.wallet SET available = available - v_times * v_paid WHERE customer_id = p_customer AND wallet_no = 20;
  UPDATE core.counter SET used = used * (1 + v_times) WHERE customer_id = p_customer;
  UPDATE core.gate SET seq = seq + v_times * v_batch, last_at = last_at + v_times * interval '1 microsecond' WHERE customer_id = p_customer;
END
$$;
