-- Refuses to decide under another identity than the one known: after a restore or an asynchronous failover
-- `seq` numbers may repeat, so an operator must say that this history goes on here (controlplane recover).
-- With synchronous failover a new timeline of the same cluster and database lost nothing, and goes on.
--
--   p_writes  whether the caller writes: a dry run leaves the beginning of an incarnation to the first that does
--
-- Raises UC120.
CREATE OR REPLACE FUNCTION core.hold_identity(p_writes boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_known core.installation;
  v_identity text := core.identity();
BEGIN
  SELECT * INTO v_known FROM core.installation;
  IF v_known.identity = v_identity THEN
    RETURN;
  END IF;
  IF v_known.failover = 'synchronous' AND NOT pg_is_in_recovery()
     AND split_part(v_known.identity, '/', 1) = split_part(v_identity, '/', 1)
     AND split_part(v_known.identity, '/', 3) = split_part(v_identity, '/', 3) THEN
    IF NOT p_writes THEN
      RETURN;
    END IF;
    -- Of many first requests one begins the incarnation; the others wait for it here, and find it begun.
    SELECT * INTO v_known FROM core.installation FOR NO KEY UPDATE;
    IF v_known.identity <> v_identity THEN
      PERFORM core.begin_incarnation('synchronous failover');
    END IF;
    RETURN;
  END IF;
  RAISE EXCEPTION 'this database was restored or failed over, so nothing is decided here yet'
    USING ERRCODE = 'UC120', HINT = 'make sure that no other server goes on with this history, then run: controlplane recover',
          DETAIL = jsonb_build_object('known', v_known.identity, 'found', v_identity)::text;
END
$$;
