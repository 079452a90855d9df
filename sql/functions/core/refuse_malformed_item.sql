-- Raises UC100 for the first fault of one item, to be reserved or not (p_holds), and returns if it finds none.
CREATE OR REPLACE FUNCTION core.refuse_malformed_item(p_item jsonb, p_i integer, p_customer_id text, p_at timestamptz, p_holds boolean) RETURNS void
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_field text;
  v_kind text;
  v_element jsonb;
  v_n integer;
  v_positive boolean := false;
  v_count integer := 0;
  v_occurred timestamptz;
  v_open_from timestamptz;
BEGIN
  IF jsonb_typeof(p_item) <> 'object' THEN
    PERFORM core.refuse(p_i, 'items', 'NOT_AN_OBJECT', 'must be an object');
  END IF;
  SELECT key INTO v_field FROM jsonb_object_keys(p_item) AS key
  WHERE key <> ALL ('{idempotencyKey,customerId,featureId,quantity,quantities,entityIds,sessionId,dimensions,overage,group,occurredAt,metadata,detail}'::text[])
    AND NOT (p_holds AND key = 'ttlSeconds')
  ORDER BY key LIMIT 1;
  IF FOUND THEN
    PERFORM core.refuse(p_i, v_field, 'UNKNOWN_FIELD', 'a request has no such field');
  END IF;

  -- field, JSON type, longest (characters, elements); needed ones first
  FOR v_field, v_kind, v_n IN VALUES
    ('idempotencyKey', 'string', 255), ('customerId', 'string', 128), ('featureId', 'string', 63), ('sessionId', 'string', 128),
    ('overage', 'string', 16), ('group', 'string', 128), ('occurredAt', 'string', 64), ('entityIds', 'array', 4),
    ('dimensions', 'array', 8), ('quantities', 'array', 16), ('metadata', 'object', NULL)
  LOOP
    v_element := p_item -> v_field;
    IF v_element IS NULL OR jsonb_typeof(v_element) = 'null' THEN
      IF v_field IN ('idempotencyKey', 'featureId') OR (v_field = 'customerId' AND p_customer_id IS NULL) THEN
        PERFORM core.refuse(p_i, v_field, 'REQUIRED', 'is needed');
      END IF;
    ELSIF jsonb_typeof(v_element) <> v_kind THEN
      PERFORM core.refuse(p_i, v_field, 'WRONG_TYPE', format('must be of type %s, not %s', v_kind, jsonb_typeof(v_element)));
    ELSIF v_kind = 'string' AND length(v_element #>> '{}') > v_n THEN
      PERFORM core.refuse(p_i, v_field, 'TOO_LONG', format('at most %s characters', v_n));
    ELSIF v_kind = 'string' AND v_element #>> '{}' = '' AND v_field <> 'sessionId' THEN
      PERFORM core.refuse(p_i, v_field, 'EMPTY', 'must not be empty');
    ELSIF v_kind = 'array' AND jsonb_array_length(v_element) > v_n THEN
      PERFORM core.refuse(p_i, v_field, 'TOO_MANY', format('at most %s', v_n));
    END IF;
  END LOOP;
  IF p_customer_id <> p_item ->> 'customerId' THEN
    PERFORM core.refuse(p_i, 'customerId', 'ANOTHER_CUSTOMER', 'this call is for one customer, ' || p_customer_id);
  ELSIF core.month_in_key(p_item ->> 'idempotencyKey') > p_at AT TIME ZONE 'UTC' + interval '1 month' THEN
    PERFORM core.refuse(p_i, 'idempotencyKey', 'KEY_FROM_THE_FUTURE', 'its time lies more than a month ahead');
  ELSIF length(p_item ->> 'metadata') > 8192 THEN
    PERFORM core.refuse(p_i, 'metadata', 'TOO_LONG', 'at most 8192 characters as JSON');
  ELSIF p_item ->> 'overage' NOT IN ('REJECT', 'CAP', 'OVERDRAFT', 'RECORD') THEN
    PERFORM core.refuse(p_i, 'overage', 'UNKNOWN_VALUE', 'one of REJECT, CAP, OVERDRAFT, RECORD');
  ELSIF p_holds AND p_item ->> 'overage' = 'RECORD' THEN
    PERFORM core.refuse(p_i, 'overage', 'NOT_TO_BE_HELD', 'what has happened already is recorded by consume, not reserved');
  ELSIF jsonb_typeof(p_item -> 'ttlSeconds') NOT IN ('number', 'null') OR p_item ->> 'ttlSeconds' !~ '^[0-9]{1,5}$'
        OR (p_item ->> 'ttlSeconds')::integer NOT BETWEEN 1 AND 86400 THEN
    PERFORM core.refuse(p_i, 'ttlSeconds', 'OUT_OF_RANGE', 'a whole number of seconds, from 1 to 86400');
  ELSIF p_item ->> 'group' IS NOT NULL AND p_item ->> 'overage' IN ('CAP', 'RECORD') THEN
    PERFORM core.refuse(p_i, 'overage', 'NOT_IN_A_GROUP', 'CAP and RECORD cannot be part of a group');
  END IF;

  -- Amounts.
  IF coalesce(jsonb_typeof(p_item -> 'quantity'), 'null') <> 'null' AND coalesce(jsonb_typeof(p_item -> 'quantities'), 'null') <> 'null' THEN
    PERFORM core.refuse(p_i, 'quantity', 'BOTH', 'quantity or quantities, not both');
  ELSIF coalesce(jsonb_typeof(p_item -> 'quantity'), 'null') = 'null' AND coalesce(jsonb_typeof(p_item -> 'quantities'), 'null') = 'null' THEN
    PERFORM core.refuse(p_i, 'quantities', 'REQUIRED', 'quantity or quantities is needed');
  END IF;
  FOR v_element, v_field IN
    SELECT q.quantity, format('quantities[%s]', q.n - 1)
    FROM jsonb_array_elements(CASE WHEN jsonb_typeof(p_item -> 'quantities') = 'array' THEN p_item -> 'quantities' ELSE '[]' END) WITH ORDINALITY AS q (quantity, n)
    UNION ALL
    SELECT jsonb_build_object('name', 'quantity', 'amount', p_item -> 'quantity'), 'quantity' WHERE coalesce(jsonb_typeof(p_item -> 'quantity'), 'null') <> 'null'
  LOOP
    IF jsonb_typeof(v_element) <> 'object' THEN
      PERFORM core.refuse(p_i, v_field, 'NOT_AN_OBJECT', 'must be {name, amount}');
    ELSIF jsonb_typeof(v_element -> 'name') IS DISTINCT FROM 'string' OR v_element ->> 'name' !~ '^[^,]{1,63}$' THEN
      PERFORM core.refuse(p_i, v_field || '.name', 'NOT_A_NAME', 'must be a name of 1 to 63 characters, without a comma');
    ELSIF v_element - '{name,amount}'::text[] <> '{}' THEN
      PERFORM core.refuse(p_i, v_field, 'UNKNOWN_FIELD', 'has name and amount and nothing else');
    END IF;
    PERFORM core.refuse_amount(v_element -> 'amount', p_i, CASE WHEN v_field = 'quantity' THEN v_field ELSE v_field || '.amount' END);
    v_positive := v_positive OR (v_element ->> 'amount')::numeric > 0;
    v_count := v_count + CASE WHEN (v_element ->> 'amount')::numeric > 0 THEN 1 ELSE 0 END;
  END LOOP;
  IF NOT v_positive THEN
    PERFORM core.refuse(p_i, 'quantities', 'ALL_ZERO', 'one amount must be greater than zero');
  ELSIF p_item ->> 'overage' = 'CAP' AND v_count <> 1 THEN
    PERFORM core.refuse(p_i, 'overage', 'CAP_NEEDS_ONE_QUANTITY', 'CAP takes the most that fits of one quantity');
  END IF;
  SELECT format('quantities[%s].name', max(q.n) - 1) INTO v_field
  FROM jsonb_array_elements(p_item -> 'quantities') WITH ORDINALITY AS q (quantity, n)
  WHERE jsonb_typeof(p_item -> 'quantities') = 'array'
  GROUP BY q.quantity ->> 'name' HAVING count(*) > 1 LIMIT 1;
  IF FOUND THEN
    PERFORM core.refuse(p_i, v_field, 'DUPLICATE', 'names each quantity once');
  END IF;

  -- Entities, dimensions, the time it happened.
  SELECT format('entityIds[%s]', e.n - 1) INTO v_field
  FROM jsonb_array_elements(p_item -> 'entityIds') WITH ORDINALITY AS e (id, n)
  WHERE jsonb_typeof(p_item -> 'entityIds') = 'array' AND jsonb_typeof(e.id) <> 'string' ORDER BY e.n LIMIT 1;
  IF FOUND THEN
    PERFORM core.refuse(p_i, v_field, 'WRONG_TYPE', 'must be a string');
  END IF;
  FOR v_element, v_n IN
    SELECT d.dimension, d.n - 1 FROM jsonb_array_elements(p_item -> 'dimensions') WITH ORDINALITY AS d (dimension, n)
    WHERE jsonb_typeof(p_item -> 'dimensions') = 'array'
  LOOP
    IF jsonb_typeof(v_element -> 'key') IS DISTINCT FROM 'string' OR jsonb_typeof(v_element -> 'value') IS DISTINCT FROM 'string'
       OR v_element - '{key,value}'::text[] <> '{}' THEN
      PERFORM core.refuse(p_i, format('dimensions[%s]', v_n), 'WRONG_TYPE', 'must be {key, value}, both strings');
    ELSIF (SELECT count(*) FROM jsonb_array_elements(p_item -> 'dimensions') AS d WHERE d ->> 'key' = v_element ->> 'key') > 1 THEN
      PERFORM core.refuse(p_i, format('dimensions[%s].key', v_n), 'DUPLICATE', 'names each dimension once');
    ELSIF length(v_element ->> 'value') > 255 THEN
      PERFORM core.refuse(p_i, format('dimensions[%s].value', v_n), 'TOO_LONG', 'at most 255 characters');
    END IF;
  END LOOP;
  IF p_item ->> 'occurredAt' IS NOT NULL THEN
    IF p_item ->> 'overage' IS DISTINCT FROM 'RECORD' THEN
      PERFORM core.refuse(p_i, 'occurredAt', 'ONLY_WITH_RECORD', 'belongs to overage RECORD alone');
    ELSIF p_item ->> 'occurredAt' !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)$'
       OR NOT pg_input_is_valid(p_item ->> 'occurredAt', 'timestamptz') THEN
      PERFORM core.refuse(p_i, 'occurredAt', 'NOT_AN_INSTANT', 'must be an ISO 8601 time with an offset');
    END IF;
    v_occurred := (p_item ->> 'occurredAt')::timestamptz;
    IF v_occurred > p_at THEN
      PERFORM core.refuse(p_i, 'occurredAt', 'IN_THE_FUTURE', 'must not be after now');
    ELSE
      v_open_from := (SELECT coalesce(open_from, date_trunc('month', p_at, 'UTC')) FROM core.installation);
      IF v_occurred < v_open_from THEN
        PERFORM core.refuse(p_i, 'occurredAt', 'PERIOD_CLOSED', format('must not be before %s, when the open period begins', to_char(v_open_from AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')));
      END IF;
    END IF;
  END IF;
END
$$;
