-- A page of a customer's entities in the order of their making. The customer itself is none of them.
--
--   p_filter  entityId, entityType, parentId ('' is the customer itself), isArchived; each may be absent
--   p_after   key of the row before the page: [incarnation, entity number]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_entities(p_customer_id text, p_filter jsonb, p_after jsonb, p_limit integer)
RETURNS SETOF jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_after integer := (core.page_key(p_after, 'integer') ->> 0)::integer;
  v_entity_no integer := core.entity_no_of(p_customer_id, p_filter ->> 'entityId');
  v_parent_no integer := core.entity_no_of(p_customer_id, p_filter ->> 'parentId');
  v_incarnation integer := (SELECT incarnation FROM core.installation);
BEGIN
  RETURN QUERY
  SELECT jsonb_build_object(
    'customerId', e.customer_id, 'entityId', e.entity_id, 'entityType', e.entity_type, 'name', e.name,
    'parentId', p.entity_id, 'metadata', e.metadata, 'createdAt', e.created_at, 'archivedAt', e.archived_at,
    'isSuspended', e.entity_no = ANY (g.suspended_entities),
    'isBlocked', g.is_suspended OR e.path && g.suspended_entities,
    'path', (SELECT jsonb_agg(a.entity_id ORDER BY n.o)
             FROM unnest(e.path) WITH ORDINALITY AS n (entity_no, o)
             CROSS JOIN LATERAL (SELECT entity_id FROM core.entity WHERE customer_id = e.customer_id AND entity_no = n.entity_no OFFSET 0) AS a
             WHERE n.entity_no <> 0),
    'key', jsonb_build_array(v_incarnation, e.entity_no))
  FROM core.entity AS e
  JOIN core.gate AS g ON g.customer_id = e.customer_id
  LEFT JOIN core.entity AS p ON p.customer_id = e.customer_id AND p.entity_no = e.parent_no
  WHERE e.customer_id = p_customer_id
    -- One entity is a range of one: under an OR a kept plan would walk over all of them to find it.
    AND e.entity_no > greatest(v_after, 0) AND e.entity_no BETWEEN coalesce(v_entity_no, 1) AND coalesce(v_entity_no, 2147483647)
    AND (p_filter ->> 'entityType' IS NULL OR e.entity_type = p_filter ->> 'entityType')
    AND (v_parent_no IS NULL OR e.parent_no = v_parent_no)
    AND (p_filter ->> 'isArchived' IS NULL
         OR (e.archived_at IS NOT NULL) = (p_filter ->> 'isArchived')::boolean)
  ORDER BY e.entity_no
  LIMIT p_limit;
END
$$;
