-- Gives an API key a new secret. The one it had works on for a while, or stops at once; what it may do, its name and its id stay.
--
--   p_input  keyId!, prefix!, secretHash! (64 hexadecimal digits) of the new secret, overlapSeconds! (0 – 2 592 000, thirty
--            days), customerId (only a key that is bound to this one)
--
-- Returns the key as api.read_api_keys has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.rotate_api_key(p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  c_longest CONSTANT bigint := 2592000;
  v_faults jsonb := core.faults(p_input, '', '{"keyId": "text!", "prefix": "text!", "secretHash": "text!", "overlapSeconds": "count!", "customerId": "key"}')
    || CASE WHEN p_input ->> 'secretHash' !~ '^[0-9a-f]{64}$' THEN core.fault('secretHash', 'NOT_A_HASH', 'must be 64 hexadecimal digits') ELSE '[]' END;
  v_key core.api_key;
  v_hash bytea;
  -- Keys are held to the clock on the wall, which a test environment cannot move.
  v_until timestamptz;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  v_hash := decode(p_input ->> 'secretHash', 'hex');
  SELECT * INTO v_key FROM core.api_key
  WHERE key_id = p_input ->> 'keyId' AND (p_input ->> 'customerId' IS NULL OR customer_id = p_input ->> 'customerId') FOR NO KEY UPDATE;
  v_faults := CASE
      WHEN v_key.key_id IS NULL THEN core.fault('keyId', 'NOT_FOUND', 'there is no such key')
      WHEN v_key.revoked_at IS NOT NULL THEN core.fault('keyId', 'REVOKED', 'was revoked: make another one')
      WHEN v_key.expires_at <= clock_timestamp() THEN core.fault('keyId', 'EXPIRED', 'has expired: make another one')
      ELSE '[]' END
    || CASE WHEN (p_input ->> 'overlapSeconds')::bigint > c_longest
      THEN core.fault('overlapSeconds', 'TOO_LARGE', format('must be at most %s', c_longest)) ELSE '[]' END
    || CASE WHEN EXISTS (SELECT FROM core.api_key WHERE secret_hash = v_hash) OR EXISTS (SELECT FROM core.former_secret WHERE secret_hash = v_hash)
      THEN core.fault('secretHash', 'DUPLICATE', 'is or was that of a key') ELSE '[]' END;
  PERFORM core.refuse_faults(v_faults);
  v_until := clock_timestamp() + make_interval(secs => (p_input ->> 'overlapSeconds')::bigint);
  INSERT INTO core.former_secret (secret_hash, key_id, prefix, works_until) VALUES (v_key.secret_hash, v_key.key_id, v_key.prefix, v_until);
  UPDATE core.api_key SET secret_hash = v_hash, prefix = p_input ->> 'prefix' WHERE key_id = v_key.key_id;
  INSERT INTO core.installation_change (kind, subject, before, after, actor)
  VALUES ('API_KEY', v_key.key_id, jsonb_build_object('prefix', v_key.prefix),
          jsonb_build_object('prefix', p_input ->> 'prefix', 'formerSecretUntil', v_until), p_actor);
  RETURN (SELECT row - 'key' FROM api.read_api_keys(jsonb_build_object('keyId', v_key.key_id), NULL, 1) AS row);
END
$$;
