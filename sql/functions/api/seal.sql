-- Seals a customer's history, from where its chain ends up to an operation or up to now; holds up no decision.
--
-- Returns {sealed, how many operations that were; customerId, seq, head, incarnation as api.seal_head has them}. Raises UC101, UC110 and UC120.
CREATE OR REPLACE FUNCTION api.seal(p_customer_id text, p_up_to_seq bigint DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_sealed bigint := core.seal(p_customer_id, p_up_to_seq);
BEGIN
  RETURN api.seal_head(p_customer_id) || jsonb_build_object('sealed', v_sealed);
END
$$;
