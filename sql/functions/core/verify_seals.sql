-- One customer's seals against its history, read once in the order of seq: the chain is made again from the rows. After a span that does not fit
-- it goes on in two ways, from its rows and from the head that is kept, since either may be what was tampered with: so what was
-- done to one span shows there and nowhere else.
--
--   p_heads  [{seq, head, incarnation}] that were kept outside
--
-- For each check one row with `checked`, and one for each of its first twenty offenders in the order of their seq: `seals`, operations;
-- `seal_chain`, spans; `seal_heads`, heads kept outside. Every 65536 operations a NOTICE says where it is.
CREATE OR REPLACE FUNCTION core.verify_seals(p_customer_id text, p_heads jsonb)
RETURNS TABLE (check_name text, checked bigint, offender jsonb)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
DECLARE
  v_op record;
  v_seal core.seal;
  v_head bytea := core.seal_root(p_customer_id);
  v_other bytea;
  v_fits boolean;
  v_marks bigint[] := '{}';
  v_at timestamptz;
  -- The operation looked at, and how many there were before it.
  v_seq bigint := 0;
  v_looked bigint := 0;
  v_suspects core.seal[] := '{}';
  v_found jsonb;
  v_rows jsonb := '[]';
  v_chain jsonb := '[]';
  -- Heads kept outside, by seq; the one to compare next; the last one that was the same.
  v_kept jsonb;
  v_k integer := 0;
  v_same bigint := 0;
  v_broken jsonb := '[]';
BEGIN
  SELECT coalesce(jsonb_agg(h.head ORDER BY (h.head ->> 'seq')::bigint), '[]') INTO v_kept
  FROM jsonb_array_elements(p_heads) AS h (head) WHERE (h.head ->> 'seq')::bigint > 0;
  FOR v_op IN
    SELECT coalesce(s.seq, o.seq) AS seq, s.from_seq, s.to_seq, o.recorded_at, coalesce(o.digests, '') AS digests, o.marks
    FROM (
      SELECT span.from_seq, span.to_seq, n.seq
      FROM (SELECT c.*, max(c.to_seq) OVER (ORDER BY c.from_seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS end_before
            FROM core.seal AS c WHERE c.customer_id = p_customer_id) AS span
      CROSS JOIN LATERAL generate_series(span.from_seq, span.to_seq) AS n (seq)
      WHERE (span.from_seq <= span.end_before) IS NOT TRUE
    ) AS s
    FULL JOIN core.sealed_operations(p_customer_id, -9223372036854775808,
                                     (SELECT max(c.to_seq) FROM core.seal AS c WHERE c.customer_id = p_customer_id)) AS o ON o.seq = s.seq
    ORDER BY 1
  LOOP
    IF v_op.seq < 1 THEN
      v_suspects := v_suspects || (v_op.seq, v_op.seq, NULL, p_customer_id, NULL, '{}')::core.seal;
      CONTINUE;
    END IF;
    -- What has lost its seal and its rows.
    FOR v_missing IN v_seq + 1 .. v_op.seq - 1 LOOP
      v_head := sha256(v_head);
      v_other := sha256(v_other);
    END LOOP;
    v_seq := v_op.seq;
    v_looked := v_looked + 1;
    v_head := sha256(v_head || v_op.digests);
    v_other := sha256(v_other || v_op.digests);
    v_marks := v_marks || v_op.marks;
    v_at := greatest(v_at, v_op.recorded_at);
    IF v_op.from_seq IS NULL THEN
      v_marks := '{}';
      v_at := NULL;
    ELSIF v_seq = v_op.to_seq THEN
      SELECT * INTO v_seal FROM core.seal WHERE customer_id = p_customer_id AND from_seq = v_op.from_seq;
      v_fits := v_head = v_seal.head OR coalesce(v_other = v_seal.head, false);
      IF NOT v_fits OR v_marks <> v_seal.marks OR v_at <> v_seal.recorded_at THEN
        v_suspects := v_suspects || v_seal;
      END IF;
      v_head := CASE WHEN v_fits THEN v_seal.head ELSE v_head END;
      v_other := CASE WHEN v_fits THEN NULL ELSE v_seal.head END;
      v_marks := '{}';
      v_at := NULL;
    END IF;
    WHILE (v_kept -> v_k ->> 'seq')::bigint <= v_seq LOOP
      IF (v_kept -> v_k ->> 'seq')::bigint = v_seq AND lower(v_kept -> v_k ->> 'head') IN (encode(v_head, 'hex'), encode(v_other, 'hex')) THEN
        v_same := v_seq;
      ELSE
        v_broken := v_broken || jsonb_build_object('seq', (v_kept -> v_k ->> 'seq')::bigint, 'incarnation', v_kept -> v_k -> 'incarnation', 'happened', 'REWRITTEN',
                                                   'sameUpTo', v_same, 'kept', v_kept -> v_k ->> 'head', 'found', encode(coalesce(v_other, v_head), 'hex'));
      END IF;
      v_k := v_k + 1;
    END LOOP;
    IF v_looked % 65536 = 0 THEN
      RAISE NOTICE '%: % operations', p_customer_id, v_looked;
    END IF;
  END LOOP;
  WHILE v_k < jsonb_array_length(v_kept) LOOP
    v_broken := v_broken || jsonb_build_object('seq', (v_kept -> v_k ->> 'seq')::bigint, 'incarnation', v_kept -> v_k -> 'incarnation', 'happened', 'TRUNCATED',
                                               'sameUpTo', v_same, 'sealedUpTo', v_seq);
    v_k := v_k + 1;
  END LOOP;

  FOREACH v_seal IN ARRAY v_suspects LOOP
    EXIT WHEN jsonb_array_length(v_rows) >= 20;
    SELECT coalesce(jsonb_agg(o.offender ORDER BY o.place), '[]') INTO v_found
    FROM core.seal_offenders(v_seal) WITH ORDINALITY AS o (offender, place);
    v_rows := v_rows || v_found;
    -- Every row fits its mark, and the head does not fit the rows.
    IF v_found = '[]' THEN
      v_chain := v_chain || jsonb_build_object('table', 'seal', 'seq', v_seal.from_seq, 'toSeq', v_seal.to_seq, 'happened', 'ALTERED');
    END IF;
  END LOOP;
  RETURN QUERY
  WITH span AS (
    SELECT c.from_seq, c.to_seq, coalesce(max(c.to_seq) OVER (ORDER BY c.from_seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS end_before
    FROM core.seal AS c WHERE c.customer_id = p_customer_id
  ), wrong AS (
    SELECT jsonb_build_object('table', 'seal', 'seq', s.end_before + 1, 'toSeq', s.from_seq - 1, 'happened', 'DELETED') AS offender
    FROM span AS s WHERE s.from_seq > s.end_before + 1
    UNION ALL
    SELECT jsonb_build_object('table', 'seal', 'seq', s.from_seq, 'toSeq', s.to_seq, 'happened', 'INSERTED') FROM span AS s WHERE s.from_seq <= s.end_before
    UNION ALL
    SELECT * FROM jsonb_array_elements(v_chain)
  )
  SELECT 'seals', v_looked, NULL::jsonb
  UNION ALL (SELECT 'seals', NULL, r.value FROM jsonb_array_elements(v_rows) WITH ORDINALITY AS r (value, place) ORDER BY r.place LIMIT 20)
  UNION ALL SELECT 'seal_chain', count(*), NULL FROM span
  UNION ALL (SELECT 'seal_chain', NULL, w.offender FROM wrong AS w ORDER BY (w.offender ->> 'seq')::bigint LIMIT 20)
  UNION ALL SELECT 'seal_heads', coalesce(jsonb_array_length(p_heads), 0)::bigint, NULL
  UNION ALL (SELECT 'seal_heads', NULL, b.value FROM jsonb_array_elements(v_broken) WITH ORDINALITY AS b (value, place) ORDER BY b.place LIMIT 20);
END
$$;
