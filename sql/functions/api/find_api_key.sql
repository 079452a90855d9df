-- The key with this hash, revoked and expired ones too: whoever asks says why it does not work.
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
      'keyId', k.key_id, 'prefix', k.prefix, 'kind', k.key_kind, 'name', k.name, 'customerId', k.customer_id,
      'scopes', to_jsonb(k.scopes), 'isObserved', k.observe, 'revokedAt', k.revoked_at,
      'expiresAt', CASE WHEN k.expires_at < 'infinity' THEN k.expires_at END)
    FROM core.api_key AS k
    WHERE k.secret_hash = p_secret_hash);
END
$$;
