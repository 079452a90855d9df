-- A page of customers by id.
--
--   p_filter  customerId, isSuspended; each may be absent
--   p_after   key of the row before the page: [incarnation, customer id]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_customers(p_filter jsonb, p_after jsonb, p_limit integer) RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_after text := core.page_key(p_after, 'text') ->> 0;
  v_incarnation integer := (SELECT incarnation FROM core.installation);
BEGIN
  RETURN QUERY
  SELECT jsonb_build_object(
    'customerId', c.customer_id, 'name', c.name, 'metadata', c.metadata, 'createdAt', c.created_at,
    'isSuspended', g.is_suspended, 'isObserved', g.observe, 'unknownEntity', g.unknown_entity,
    'unknownEntityType', g.unknown_type,
    'unknownEntityParentId', (SELECT entity_id FROM core.entity AS e
                              WHERE e.customer_id = c.customer_id AND e.entity_no = g.unknown_parent_no),
    'unknownEntityMaximum', g.unknown_max, 'entityCount', g.entity_count, 'reversalOfExpired', c.reversal_of_expired,
    'incarnation', v_incarnation, 'seq', g.seq::text, 'asOf', greatest(core.clock(), g.last_at),
    'key', jsonb_build_array(v_incarnation, c.customer_id))
  FROM core.customer AS c
  JOIN core.gate AS g ON g.customer_id = c.customer_id
  WHERE (v_after IS NULL OR c.customer_id > v_after)
    AND (p_filter ->> 'customerId' IS NULL OR c.customer_id = p_filter ->> 'customerId')
    AND (p_filter ->> 'isSuspended' IS NULL OR g.is_suspended = (p_filter ->> 'isSuspended')::boolean)
  ORDER BY c.customer_id
  LIMIT p_limit;
END
$$;
