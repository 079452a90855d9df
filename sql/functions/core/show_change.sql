-- What a change says of its subject, as people read it: ids where it has numbers, names in camelCase, and amounts as strings, since a
-- number with a fraction would be taken for a float. What users gave as JSON of their own stays as it is, whatever its keys are called.
CREATE OR REPLACE FUNCTION core.show_change(p_customer_id text, p_said jsonb) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF jsonb_typeof(p_said) = 'array' THEN
    RETURN (SELECT coalesce(jsonb_agg(core.show_change(p_customer_id, e.element) ORDER BY e.n), '[]')
            FROM jsonb_array_elements(p_said) WITH ORDINALITY AS e (element, n));
  ELSIF jsonb_typeof(p_said) = 'number' AND strpos(p_said #>> '{}', '.') > 0 THEN
    RETURN to_jsonb(trim_scale((p_said #>> '{}')::numeric)::text);
  ELSIF jsonb_typeof(p_said) IS DISTINCT FROM 'object' THEN
    RETURN p_said;
  END IF;
  RETURN (
    SELECT coalesce(jsonb_object_agg(CASE
        WHEN f.name IN ('amountLimit') THEN 'baseLimit'
        WHEN f.name ~ '(entity|parent|budget|wallet|raise|Parent|Wallet)No$' THEN left(f.name, -2) || 'Id'
        WHEN f.name = 'entityNos' THEN 'entityIds'
        ELSE f.name END, CASE
        WHEN f.name IN ('advice', 'metadata') THEN f.value
        WHEN f.name ~ '(entity|[pP]arent)No$' THEN to_jsonb((
          SELECT e.entity_id FROM core.entity AS e WHERE e.customer_id = p_customer_id AND e.entity_no = (f.value #>> '{}')::integer))
        WHEN f.name = 'budgetNo' THEN to_jsonb((
          SELECT b.budget_id FROM core.budget AS b WHERE b.customer_id = p_customer_id AND b.budget_no = (f.value #>> '{}')::integer))
        WHEN f.name ~ '[wW]alletNo$' THEN to_jsonb((
          SELECT w.wallet_id FROM core.wallet AS w WHERE w.customer_id = p_customer_id AND w.wallet_no = (f.value #>> '{}')::integer))
        WHEN f.name = 'raiseNo' THEN to_jsonb(f.value #>> '{}')
        WHEN f.name = 'entityNos' THEN (
          SELECT coalesce(jsonb_agg(e.entity_id ORDER BY n.n), '[]') FROM jsonb_array_elements_text(f.value) WITH ORDINALITY AS n (no, n)
          CROSS JOIN LATERAL (SELECT entity_id FROM core.entity WHERE customer_id = p_customer_id AND entity_no = n.no::integer OFFSET 0) AS e)
        WHEN jsonb_typeof(f.value) = 'number' AND f.name IN ('amountLimit', 'raised', 'amount')
          THEN to_jsonb(trim_scale((f.value #>> '{}')::numeric)::text)
        WHEN jsonb_typeof(f.value) IN ('array', 'number') THEN core.show_change(p_customer_id, f.value)
        ELSE f.value END), '{}')
    FROM (
      SELECT CASE WHEN strpos(s.key, '_') = 0 THEN s.key
               ELSE left(s.key, 1) || substr(replace(initcap(replace(s.key, '_', ' ')), ' ', ''), 2) END AS name, s.value
      FROM jsonb_each(p_said) AS s
    ) AS f
  );
END
$$;
