-- Says what is wrong with a list of items that core.judge found malformed.
-- p_holds says that they were to be reserved. Slow and plain, since it runs for bad input only. Always raises UC100: for the first fault of the first bad item, and
-- where several are bad, DETAIL lists the first fault of each under `items`, so that whoever gathered them from many
-- callers can send the others again at once.
CREATE OR REPLACE FUNCTION core.refuse_malformed(p_items jsonb, p_customer_id text, p_at timestamptz, p_holds boolean) RETURNS void
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_item jsonb;
  v_i integer;
  v_detail text;
  v_faults jsonb := '[]';
BEGIN
  IF jsonb_typeof(p_items) IS DISTINCT FROM 'array' THEN
    PERFORM core.refuse(0, 'items', 'NOT_A_LIST', 'must be a list of requests');
  ELSIF jsonb_array_length(p_items) = 0 THEN
    PERFORM core.refuse(0, 'items', 'EMPTY', 'must hold at least one request');
  ELSIF jsonb_array_length(p_items) > 1000 THEN
    PERFORM core.refuse(1000, 'items', 'TOO_MANY', format('at most 1000 requests a call, this has %s', jsonb_array_length(p_items)));
  END IF;
  FOR v_item, v_i IN SELECT item, n - 1 FROM jsonb_array_elements(p_items) WITH ORDINALITY AS i (item, n) LOOP
    BEGIN
      PERFORM core.refuse_malformed_item(v_item, v_i, p_customer_id, p_at, p_holds);
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
  -- A group over two customers is the one fault that no single item shows.
  SELECT i.n - 1 INTO v_i
  FROM jsonb_array_elements(p_items) WITH ORDINALITY AS i (item, n)
  JOIN jsonb_array_elements(p_items) AS other (item)
    ON other.item ->> 'group' = i.item ->> 'group' AND other.item ->> 'customerId' <> i.item ->> 'customerId'
  ORDER BY i.n LIMIT 1;
  PERFORM core.refuse(coalesce(v_i, 0), 'group', 'GROUP_OF_TWO_CUSTOMERS', 'a group is of one customer');
END
$$;
