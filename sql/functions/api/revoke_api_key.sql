-- Revokes an API key at once, with the secrets it had before it was rotated; again is no error.
--
--   p_input  keyId!, customerId (only a key that is bound to this one)
--
-- Returns the key as api.read_api_keys has it. Raises UC101 for an unknown one.
CREATE OR REPLACE FUNCTION api.revoke_api_key(p_input jsonb, p_actor text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_key core.api_key;
BEGIN
  PERFORM core.refuse_faults(core.faults(p_input, '', '{"keyId": "text!", "customerId": "key"}'));
  SELECT * INTO v_key FROM core.api_key 
  WHERE key_id = p_input ->> 'keyId' AND (p_input ->> 'customerId' IS NULL OR customer_id = p_input ->> 'customerId') FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    PERFORM core.refuse_faults(core.fault('keyId', 'NOT_FOUND', 'there is no such key'));
  ELSIF v_key.revoked_at IS NULL THEN
    UPDATE core.api_key SET revoked_at = core.clock() WHERE key_id = v_key.key_id;
    INSERT INTO core.installation_change (kind, subject, before, after, actor)
    VALUES ('API_KEY', v_key.key_id, '{"revoked": false}', '{"revoked": true}', p_actor);
  END IF;
  RETURN (SELECT row - 'key' FROM api.read_api_keys(jsonb_build_object('keyId', v_key.key_id), NULL, 1) AS row);
END
$$;
