-- What speaks against moving an entity below another: that it is archived, stands above it, or that something would be too deep,
-- be it only what the customer's policy creates there.
--
--   p_parent_id  what the caller called the parent, which may not be there
CREATE OR REPLACE FUNCTION core.move_faults(p_entity core.entity, p_parent core.entity, p_parent_id text) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
  v_branch integer[];
  v_newcomers_below CONSTANT integer := (SELECT unknown_parent_no FROM core.gate WHERE customer_id = p_entity.customer_id AND unknown_entity = 'CREATE');
BEGIN
  IF p_parent.entity_no IS NULL THEN
    RETURN core.fault('parentId', 'NOT_FOUND', format('there is no entity %s', p_parent_id));
  ELSIF p_parent.archived_at IS NOT NULL THEN
    RETURN core.fault('parentId', 'ARCHIVED', format('%s is archived; bring it back first', p_parent.entity_id));
  ELSIF p_entity.entity_no = ANY (p_parent.path) THEN
    RETURN core.fault('parentId', 'CYCLE', 'is the entity itself, or stands below it');
  END IF;
  v_branch := core.entities_below(p_entity.customer_id, NULL, NULL, p_entity.entity_no);
  IF cardinality(p_parent.path) - 1 + (
    SELECT max(array_position(e.path, p_entity.entity_no) + CASE WHEN b.no = v_newcomers_below THEN 1 ELSE 0 END)
    FROM unnest(v_branch) AS b (no)
    CROSS JOIN LATERAL (SELECT path FROM core.entity WHERE customer_id = p_entity.customer_id AND entity_no = b.no OFFSET 0) AS e) > 16
  THEN
    RETURN core.fault('parentId', 'TOO_DEEP', 'a tree is at most 16 entities deep, those that unknownEntity creates included');
  END IF;
  RETURN '[]';
END
$$;
