-- The key with this hash, revoked and expired ones too: whoever asks says why it does not work. A secret from before a
-- rotation is that of its key, and expires with its overlap.
-- Read for every request that is not answered from a memory of a second; writes nothing.
CREATE OR REPLACE FUNCTION api.find_api_key(p_secret_hash bytea) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT jsonb_build_object(
      'keyId', k.key_id, 'prefix', coalesce(f.prefix, k.prefix), 'kind', k.key_kind, 'name', k.name, 'customerId', k.customer_id,
      'scopes', to_jsonb(k.scopes), 'isObserved', k.observe, 'revokedAt', k.revoked_at,
      'expiresAt', nullif(least(k.expires_at, f.works_until), 'infinity'))
    FROM core.api_key AS k
    LEFT JOIN core.former_secret AS f ON f.key_id = k.key_id AND f.secret_hash = p_secret_hash
    WHERE k.key_id = coalesce((SELECT key_id FROM core.api_key WHERE secret_hash = p_secret_hash),
                              (SELECT key_id FROM core.former_secret WHERE secret_hash = p_secret_hash)));
END
$$;
