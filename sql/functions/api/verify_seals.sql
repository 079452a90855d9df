-- Whether history is what was sealed, on live data; nothing is locked or written. What is not sealed yet is not looked at.
--
--   p_customers  only these; NULL is all
--   p_heads      [{customerId!, seq!, head!, incarnation}] as api.seal_head gave them once and somebody kept outside: each must
--                still be the head at that seq; NULL is none
--
-- For each check one row with `checked`, how much it looked at, and for each offender, the first twenty of each customer, a row with `customer_id`
-- and `offender`. No offender: all is well.
--
--   seals       {table, seq, leg or counterNo or isDenial, happened}: a row of history was ALTERED, DELETED or INSERTED
--   seal_chain  {table: seal, seq, toSeq, happened}: the seal of these operations was. ALTERED: it does not fit rows that fit its marks
--   seal_heads  {seq, incarnation, happened, sameUpTo}: REWRITTEN, history has another head there than the one kept; TRUNCATED, it is sealed no
--               farther than sealedUpTo. Up to sameUpTo it is as it was when the last head before was kept
--
-- Raises UC101 for heads that are none.
CREATE OR REPLACE FUNCTION api.verify_seals(p_customers text[] DEFAULT NULL, p_heads jsonb DEFAULT NULL)
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_heads CONSTANT jsonb := coalesce(p_heads, '[]');
  v_customer text;
  v_row record;
  v_checked jsonb := '{"seals": 0, "seal_chain": 0, "seal_heads": 0}';
BEGIN
  PERFORM core.refuse_faults(core.faults(jsonb_build_object('heads', v_heads), '', '{"heads": "list!"}'));
  PERFORM core.refuse_faults(core.element_faults(
    v_heads, 'heads', '{"customerId": "key!", "seq": "count!", "head": "text!", "incarnation": "count"}', 1000000, NULL));
  FOR v_customer IN
    SELECT g.customer_id FROM core.gate AS g WHERE p_customers IS NULL OR g.customer_id = ANY (p_customers)
    UNION
    SELECT s.customer_id FROM core.seal AS s WHERE p_customers IS NULL OR s.customer_id = ANY (p_customers)
    UNION
    SELECT h.head ->> 'customerId' FROM jsonb_array_elements(v_heads) AS h (head) WHERE p_customers IS NULL OR h.head ->> 'customerId' = ANY (p_customers)
    ORDER BY 1
  LOOP
    FOR v_row IN
      SELECT * FROM core.verify_seals(v_customer, (
        SELECT jsonb_agg(h.head) FROM jsonb_array_elements(v_heads) AS h (head) WHERE h.head ->> 'customerId' = v_customer))
    LOOP
      IF v_row.checked IS NULL THEN
        RETURN QUERY SELECT v_row.check_name, v_customer, NULL::bigint, v_row.offender;
      ELSE
        v_checked := v_checked || jsonb_build_object(v_row.check_name, (v_checked ->> v_row.check_name)::bigint + v_row.checked);
      END IF;
    END LOOP;
  END LOOP;
  RETURN QUERY SELECT c.name, NULL, (v_checked ->> c.name)::bigint, NULL::jsonb FROM unnest('{seals,seal_chain,seal_heads}'::text[]) AS c (name);
END
$$;
