-- What customers' rows name of the catalogue exists, in the version they name. There are no foreign keys into it: it is
-- small and shared, and they are neither.
CREATE OR REPLACE FUNCTION core.verify_references(p_customers text[])
RETURNS TABLE (check_name text, customer_id text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_version bigint := (SELECT catalog_version FROM core.installation);
BEGIN
  RETURN QUERY
  WITH named AS (
    -- who, in which table, what it names, as of which version
    SELECT u.customer_id, 'usage_event' AS place, 'feature' AS kind, u.feature_id AS id, u.catalog_version AS version, count(*) AS times
    FROM core.usage_event AS u GROUP BY u.customer_id, u.feature_id, u.catalog_version
    UNION ALL SELECT b.customer_id, 'budget', 'feature', b.feature_id, v_version, 1 FROM core.budget AS b WHERE b.feature_id IS NOT NULL
    UNION ALL SELECT b.customer_id, 'budget', 'credit_type', b.credit_type, v_version, 1 FROM core.budget AS b WHERE b.credit_type IS NOT NULL
    UNION ALL SELECT w.customer_id, 'wallet', 'credit_type', w.credit_type, v_version, 1 FROM core.wallet AS w
    UNION ALL SELECT g.customer_id, 'credit_grant', 'feature', f.id, v_version, 1 FROM core.credit_grant AS g CROSS JOIN unnest(g.features) AS f (id)
    UNION ALL SELECT NULL, 'rate', 'feature', r.feature_id, r.catalog_version, 1 FROM core.rate AS r
    UNION ALL SELECT NULL, 'rate', 'credit_type', r.credit_type, r.catalog_version, 1 FROM core.rate AS r
    UNION ALL SELECT NULL, 'feature', 'credit_type', t.id, f.catalog_version, 1 FROM core.feature AS f CROSS JOIN unnest(f.credit_types) AS t (id)
  ), compared AS (
    SELECT n.*, n.version > v_version OR NOT CASE n.kind
      WHEN 'feature' THEN EXISTS (SELECT FROM core.feature AS f WHERE f.feature_id = n.id AND f.catalog_version <= n.version)
      ELSE EXISTS (SELECT FROM core.credit_type AS t WHERE t.credit_type = n.id) END AS is_broken
    FROM named AS n
    WHERE p_customers IS NULL OR n.customer_id IS NULL OR n.customer_id = ANY (p_customers)
  )
  SELECT 'references', NULL, coalesce(sum(c.times), 0)::bigint, NULL::jsonb FROM compared AS c
  UNION ALL (SELECT 'references', c.customer_id, NULL, jsonb_build_object('table', c.place, c.kind, c.id, 'catalogVersion', c.version)
             FROM compared AS c WHERE c.is_broken LIMIT 20);
END
$$;
