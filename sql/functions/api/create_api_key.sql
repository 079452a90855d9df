-- Makes an API key. The secret never comes here: its SHA-256 does, and what of it people may see.
--
--   p_input  prefix!, secretHash! (64 hexadecimal digits), kind! (SECRET, PUBLISHABLE, ADMIN), name!, scopes! (list),
--            customerId (the one it acts for; default any), observe (default false), expiresAt (default never)
--
-- Returns the key as api.read_api_keys has it. Raises UC101 with all faults.
CREATE OR REPLACE FUNCTION api.create_api_key(p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_id text := gen_random_uuid()::text;
  v_faults jsonb := core.faults(p_input, '', '{"prefix": "text!", "secretHash": "text!", "kind": "SECRET|PUBLISHABLE|ADMIN!", "name": "text!",
    "customerId": "key", "scopes": "list!", "observe": "boolean", "expiresAt": "instant"}')
    || CASE WHEN p_input ->> 'secretHash' !~ '^[0-9a-f]{64}$' THEN core.fault('secretHash', 'NOT_A_HASH', 'must be 64 hexadecimal digits') ELSE '[]' END
    || CASE WHEN p_input -> 'scopes' @? '$[*] ? (@.type() != "string")' THEN core.fault('scopes', 'WRONG_TYPE', 'must be a list of strings') ELSE '[]' END;
  v_key jsonb;
BEGIN
  PERFORM core.refuse_faults(v_faults);
  -- Keys are held to the clock on the wall, which a test environment cannot move.
  v_faults := CASE WHEN p_input ->> 'customerId' IS NOT NULL AND NOT EXISTS (SELECT FROM core.gate WHERE customer_id = p_input ->> 'customerId')
      THEN core.fault('customerId', 'NOT_FOUND', 'there is no such customer') ELSE '[]' END
    || CASE WHEN (p_input ->> 'expiresAt')::timestamptz <= clock_timestamp() THEN core.fault('expiresAt', 'TOO_EARLY', 'must be after now') ELSE '[]' END
    || CASE WHEN EXISTS (SELECT FROM core.api_key WHERE secret_hash = decode(p_input ->> 'secretHash', 'hex'))
        OR EXISTS (SELECT FROM core.former_secret WHERE secret_hash = decode(p_input ->> 'secretHash', 'hex'))
      THEN core.fault('secretHash', 'DUPLICATE', 'is or was that of another key') ELSE '[]' END;
  PERFORM core.refuse_faults(v_faults);
  INSERT INTO core.api_key (key_id, prefix, secret_hash, key_kind, name, customer_id, scopes, observe, created_at, expires_at)
  VALUES (v_id, p_input ->> 'prefix', decode(p_input ->> 'secretHash', 'hex'), p_input ->> 'kind', p_input ->> 'name', p_input ->> 'customerId',
          core.text_list(p_input -> 'scopes'), coalesce((p_input ->> 'observe')::boolean, false), core.clock(),
          coalesce((p_input ->> 'expiresAt')::timestamptz, 'infinity'));
  SELECT row - 'key' INTO v_key FROM api.read_api_keys(jsonb_build_object('keyId', v_id), NULL, 1) AS row;
  INSERT INTO core.installation_change (kind, subject, after, actor) VALUES ('API_KEY', v_id, v_key, p_actor);
  RETURN v_key;
END
$$;
