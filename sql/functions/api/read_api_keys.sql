-- A page of API keys by id. There is nothing here from which a secret could be made.
--
--   p_filter  customerId (keys bound to it), keyId, isActive; each may be absent
--   p_after   key of the row before the page: [incarnation, key id]
--
-- Raises UC101 for a foreign cursor.
CREATE OR REPLACE FUNCTION api.read_api_keys(p_filter jsonb, p_after jsonb, p_limit integer) RETURNS SETOF jsonb
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
    'keyId', k.key_id, 'prefix', k.prefix, 'kind', k.key_kind, 'name', k.name, 'customerId', k.customer_id,
    'scopes', to_jsonb(k.scopes), 'isObserved', k.observe, 'createdAt', k.created_at,
    'expiresAt', CASE WHEN k.expires_at < 'infinity' THEN k.expires_at END, 'revokedAt', k.revoked_at,
    'formerSecretUntil', (SELECT max(f.works_until) FROM core.former_secret AS f
                          WHERE f.key_id = k.key_id AND f.works_until > clock_timestamp() AND k.revoked_at IS NULL),
    'lastUsedAt', k.last_used_at, 'key', jsonb_build_array(v_incarnation, k.key_id))
  FROM core.api_key AS k
  WHERE (v_after IS NULL OR k.key_id > v_after)
    AND (p_filter ->> 'keyId' IS NULL OR k.key_id = p_filter ->> 'keyId')
    AND (p_filter ->> 'customerId' IS NULL OR k.customer_id = p_filter ->> 'customerId')
    AND (p_filter ->> 'isActive' IS NULL
         OR (k.revoked_at IS NULL AND k.expires_at > clock_timestamp()) = (p_filter ->> 'isActive')::boolean)
  ORDER BY k.key_id
  LIMIT p_limit;
END
$$;
