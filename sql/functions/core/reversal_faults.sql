-- What is wrong with a reversal that its shape does not show.
--
--   p_event     what it names; of none, with no seq
--   p_reversed  how much of it has been taken back already
--   p_share     what is asked; where it is not said, all that is left
CREATE OR REPLACE FUNCTION core.reversal_faults(p_input jsonb, p_event core.usage_event, p_reversed numeric, p_share numeric) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN CASE WHEN p_event.seq IS NULL
      THEN core.fault('usageEventId', 'NOT_FOUND', format('there is no usage event %s', p_input ->> 'usageEventId')) ELSE '[]' END
    || CASE
      WHEN p_reversed = 1 AND p_input ->> 'share' IS NULL
        THEN core.fault('share', 'SHARE_EXCEEDED', format('nothing is left of usage event %s', p_event.seq))
      WHEN p_share = 0 THEN core.fault('share', 'NOT_POSITIVE', 'must be greater than zero')
      WHEN p_share > 1 THEN core.fault('share', 'TOO_LARGE', 'must be at most 1')
      WHEN p_reversed + p_share > 1 THEN core.fault('share', 'SHARE_EXCEEDED', format('%s of usage event %s are left, and %s were asked',
        trim_scale(1 - p_reversed), p_event.seq, trim_scale(p_share)))
      ELSE '[]' END;
END
$$;
