-- Makes the wallets that core.wallet_faults found nothing wrong with, numbered from p_last_no + 1, or changes their
-- overdraft limits. Returns what was new or changed for the history of changes, [] if nothing was: by number, since an
-- id may hold that of an entity, which can be erased.
CREATE OR REPLACE FUNCTION core.put_wallets(
  p_customer_id text, p_entity_no integer, p_owner text, p_wallets jsonb, p_last_no integer, p_at timestamptz
) RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_put jsonb;
BEGIN
  IF jsonb_typeof(p_wallets) IS DISTINCT FROM 'array' THEN
    RETURN '[]';
  END IF;
  WITH wanted AS (
    SELECT e.n, e.wallet ->> 'creditType' AS type, (e.wallet ->> 'overdraftLimit')::numeric AS overdraft,
           coalesce(e.wallet ->> 'walletId', p_owner || ':' || (e.wallet ->> 'creditType')) AS id,
           own.wallet_no, own.overdraft_limit
    FROM jsonb_array_elements(p_wallets) WITH ORDINALITY AS e (wallet, n)
    LEFT JOIN core.wallet AS own ON own.customer_id = p_customer_id AND own.entity_no = p_entity_no AND own.credit_type = e.wallet ->> 'creditType'
  ), made AS (
    INSERT INTO core.wallet (customer_id, wallet_no, wallet_id, entity_no, credit_type, overdraft_limit, created_at)
    SELECT p_customer_id, p_last_no + row_number() OVER (ORDER BY n), id, p_entity_no, type, coalesce(overdraft, 0), p_at
    FROM wanted WHERE wallet_no IS NULL
    RETURNING wallet_no, credit_type, overdraft_limit
  ), changed AS (
    UPDATE core.wallet AS w SET overdraft_limit = wanted.overdraft
    FROM wanted
    WHERE w.customer_id = p_customer_id AND w.wallet_no = wanted.wallet_no AND wanted.overdraft <> w.overdraft_limit
    RETURNING w.wallet_no, w.credit_type, w.overdraft_limit
  )
  SELECT jsonb_agg(jsonb_build_object('walletNo', wallet_no, 'creditType', credit_type,
                                      'overdraftLimit', trim_scale(overdraft_limit)::text) ORDER BY wallet_no)
  INTO v_put
  FROM (TABLE made UNION ALL TABLE changed) AS put;
  RETURN coalesce(v_put, '[]');
END
$$;
