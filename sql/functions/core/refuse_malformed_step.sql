-- Raises UC100 for a list of steps of reservations that is malformed: for the first fault of the first bad item, and where several are bad,
-- DETAIL lists the first fault of each under `items`, as core.refuse_malformed does.
--
--   p_operation    settle, release or extend
CREATE OR REPLACE FUNCTION core.refuse_malformed_step(p_items jsonb, p_operation text, p_customer_id text) RETURNS void
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_fields CONSTANT jsonb := '{"settle": ["customerId", "reservationId", "quantity", "quantities", "final"], "release": ["customerId", "reservationId"],
    "extend": ["customerId", "reservationId", "ttlSeconds"]}';
  c_known CONSTANT text[] := ARRAY(SELECT jsonb_array_elements_text(c_fields -> p_operation));
  v_item jsonb;
  v_quantities jsonb;
  v_names text;
  v_amount text;
  v_is_plain boolean;
  v_i integer;
  v_field text;
  v_detail text;
  v_faults jsonb := '[]';
BEGIN
  IF jsonb_typeof(p_items) IS DISTINCT FROM 'array' THEN
    PERFORM core.refuse(0, 'items', 'NOT_A_LIST', 'must be a list of steps');
  ELSIF jsonb_array_length(p_items) NOT BETWEEN 1 AND 1000 THEN
    PERFORM core.refuse(0, 'items', CASE jsonb_array_length(p_items) WHEN 0 THEN 'EMPTY' ELSE 'TOO_MANY' END,
                        format('from 1 to 1000 steps a call, this has %s', jsonb_array_length(p_items)));
  END IF;
  -- Settlements as nearly all of them are need no closer look.
  v_is_plain := p_operation = 'settle' AND NOT p_items @? 'strict $[*] ? (@.type() != "object" || @.quantities.type() != "array" || @.quantities[*].type() != "object")';
  v_i := 0;
  WHILE v_is_plain AND v_i < jsonb_array_length(p_items) LOOP
    v_item := p_items -> v_i;
    v_quantities := v_item -> 'quantities';
    v_is_plain := v_item - c_known = '{}' AND v_item ->> 'quantity' IS NULL AND jsonb_array_length(v_quantities) BETWEEN 1 AND 16
      AND jsonb_typeof(v_item -> 'reservationId') = 'string' AND length(v_item ->> 'reservationId') BETWEEN 1 AND 128
      AND coalesce(v_item ->> 'customerId' = p_customer_id, p_customer_id IS NOT NULL OR (jsonb_typeof(v_item -> 'customerId') = 'string' AND length(v_item ->> 'customerId') BETWEEN 1 AND 128))
      AND coalesce(jsonb_typeof(v_item -> 'final') = 'boolean', true);
    v_names := ',';
    FOR v_n IN 0 .. CASE WHEN v_is_plain THEN jsonb_array_length(v_quantities) - 1 ELSE -1 END LOOP
      v_item := v_quantities -> v_n;
      v_amount := v_item ->> 'amount';
      v_is_plain := v_is_plain AND v_item - '{name,amount}'::text[] = '{}' AND jsonb_typeof(v_item -> 'name') = 'string' AND jsonb_typeof(v_item -> 'amount') = 'string'
        AND length(v_item ->> 'name') BETWEEN 1 AND 63 AND strpos(v_names, ',' || (v_item ->> 'name') || ',') = 0 AND strpos(v_item ->> 'name', ',') = 0
        AND CASE translate(v_amount, '0123456789', '')
              WHEN '' THEN length(v_amount) BETWEEN 1 AND 29
              WHEN '.' THEN strpos(v_amount, '.') BETWEEN 2 AND 30 AND length(v_amount) - strpos(v_amount, '.') BETWEEN 1 AND 9 ELSE false END;
      v_names := v_names || (v_item ->> 'name') || ',';
    END LOOP;
    v_i := v_i + 1;
  END LOOP;
  IF v_is_plain THEN
    RETURN;
  END IF;

  FOR v_item, v_i IN SELECT i.item, i.n - 1 FROM jsonb_array_elements(p_items) WITH ORDINALITY AS i (item, n) LOOP
    BEGIN
      IF jsonb_typeof(v_item) <> 'object' THEN
        PERFORM core.refuse(v_i, 'items', 'NOT_AN_OBJECT', 'must be an object');
      END IF;
      SELECT key INTO v_field FROM jsonb_object_keys(v_item) AS key WHERE key <> ALL (c_known) ORDER BY key LIMIT 1;
      IF FOUND THEN
        PERFORM core.refuse(v_i, v_field, 'UNKNOWN_FIELD', format('a step to %s has no such field', p_operation));
      END IF;
      FOREACH v_field IN ARRAY '{customerId,reservationId}'::text[] LOOP
        IF v_item ->> v_field IS NULL AND (v_field = 'reservationId' OR p_customer_id IS NULL) THEN
          PERFORM core.refuse(v_i, v_field, 'REQUIRED', 'is needed');
        ELSIF jsonb_typeof(v_item -> v_field) NOT IN ('string', 'null') THEN
          PERFORM core.refuse(v_i, v_field, 'WRONG_TYPE', 'must be of type string, not ' || jsonb_typeof(v_item -> v_field));
        ELSIF length(v_item ->> v_field) NOT BETWEEN 1 AND 128 THEN
          PERFORM core.refuse(v_i, v_field, CASE v_item ->> v_field WHEN '' THEN 'EMPTY' ELSE 'TOO_LONG' END, 'from 1 to 128 characters');
        END IF;
      END LOOP;
      IF p_customer_id <> v_item ->> 'customerId' THEN
        PERFORM core.refuse(v_i, 'customerId', 'ANOTHER_CUSTOMER', 'this call is for one customer, ' || p_customer_id);
      END IF;
      IF p_operation = 'extend' THEN
        IF v_item ->> 'ttlSeconds' IS NULL THEN
          PERFORM core.refuse(v_i, 'ttlSeconds', 'REQUIRED', 'is needed');
        ELSIF jsonb_typeof(v_item -> 'ttlSeconds') <> 'number' OR v_item ->> 'ttlSeconds' !~ '^[0-9]{1,5}$' OR (v_item ->> 'ttlSeconds')::integer NOT BETWEEN 1 AND 86400 THEN
          PERFORM core.refuse(v_i, 'ttlSeconds', 'OUT_OF_RANGE', 'a whole number of seconds, from 1 to 86400');
        END IF;
      ELSIF p_operation = 'settle' THEN
        IF jsonb_typeof(v_item -> 'final') NOT IN ('boolean', 'null') THEN
          PERFORM core.refuse(v_i, 'final', 'WRONG_TYPE', 'must be of type boolean, not ' || jsonb_typeof(v_item -> 'final'));
        END IF;
        v_quantities := nullif(v_item -> 'quantities', 'null');
        IF (v_item ->> 'quantity' IS NULL) = (v_quantities IS NULL) THEN
          PERFORM core.refuse(v_i, 'quantities', 'REQUIRED', 'exactly one of quantity and quantities is needed: what has been used so far, in all');
        ELSIF v_quantities IS NULL THEN
          PERFORM core.refuse_amount(v_item -> 'quantity', v_i, 'quantity');
        ELSIF jsonb_typeof(v_quantities) <> 'array' OR jsonb_array_length(v_quantities) NOT BETWEEN 1 AND 16 THEN
          PERFORM core.refuse(v_i, 'quantities', 'WRONG_TYPE', 'must be a list of 1 to 16 quantities');
        ELSE
          FOR v_n IN 0 .. jsonb_array_length(v_quantities) - 1 LOOP
            IF jsonb_typeof(v_quantities -> v_n) <> 'object' OR jsonb_typeof(v_quantities -> v_n -> 'name') IS DISTINCT FROM 'string'
               OR (v_quantities -> v_n) - '{name,amount}'::text[] <> '{}' OR length(v_quantities -> v_n ->> 'name') NOT BETWEEN 1 AND 63
               OR strpos(v_quantities -> v_n ->> 'name', ',') > 0 THEN
              PERFORM core.refuse(v_i, format('quantities[%s]', v_n), 'WRONG_TYPE', 'must be {name, amount}, both strings');
            ELSIF (SELECT count(*) FROM jsonb_array_elements(v_quantities) AS q WHERE q ->> 'name' = v_quantities -> v_n ->> 'name') > 1 THEN
              PERFORM core.refuse(v_i, format('quantities[%s].name', v_n), 'DUPLICATE', 'names each quantity once');
            END IF;
            PERFORM core.refuse_amount(v_quantities -> v_n -> 'amount', v_i, format('quantities[%s].amount', v_n));
          END LOOP;
        END IF;
      END IF;
    EXCEPTION WHEN SQLSTATE 'UC100' THEN
      GET STACKED DIAGNOSTICS v_detail = PG_EXCEPTION_DETAIL;
      v_faults := v_faults || v_detail::jsonb;
    END;
  END LOOP;
  IF v_faults <> '[]' THEN
    RAISE EXCEPTION 'item %, %: %', v_faults #>> '{0,item}', v_faults #>> '{0,field}', v_faults #>> '{0,message}'
      USING ERRCODE = 'UC100',
            DETAIL = ((v_faults -> 0) || CASE WHEN jsonb_array_length(v_faults) > 1 THEN jsonb_build_object('items', v_faults) ELSE '{}' END)::text;
  END IF;
END
$$;
