-- Declares that this server's history is the one that goes on, after a restore or a failover: a new incarnation under the
-- identity it has now. Before that nothing is decided here (UC120), since `seq` numbers may repeat.
--
--   p_reason  why, for whoever reads the history of incarnations
--
-- Returns {incarnation, identity}. Raises UC101 without a reason.
CREATE OR REPLACE FUNCTION api.recover(p_reason text) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_incarnation integer;
BEGIN
  PERFORM core.refuse_faults(core.faults(jsonb_build_object('reason', p_reason), '', '{"reason": "text!"}'));
  v_incarnation := core.begin_incarnation(p_reason);
  INSERT INTO core.installation_change (kind, subject, after, actor)
  VALUES ('INCARNATION', v_incarnation::text, jsonb_build_object('incarnation', v_incarnation, 'identity', core.identity(), 'reason', p_reason), session_user);
  RETURN jsonb_build_object('incarnation', v_incarnation, 'identity', core.identity());
END
$$;
