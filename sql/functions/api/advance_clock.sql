-- Moves the clock of a test environment ahead, and makes the partitions of the months it comes to.
--
-- Returns the new time. Raises UC101 for a step that does not lead ahead or leads too far, and in a live environment.
CREATE OR REPLACE FUNCTION api.advance_clock(p_by interval) RETURNS timestamptz
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  v_environment text := (SELECT environment FROM core.installation FOR NO KEY UPDATE);
BEGIN
  IF v_environment <> 'test' THEN
    PERFORM core.refuse_faults(core.fault('by', 'NOT_IN_LIVE', 'is for test environments: the clock of a live one is the wall''s'));
  ELSIF p_by IS NULL OR p_by <= '0' OR core.clock() + p_by > '2200-01-01' THEN
    PERFORM core.refuse_faults(core.fault('by', 'OUT_OF_RANGE', 'must lead ahead, and not beyond the year 2199'));
  END IF;
  UPDATE core.installation SET clock_offset = clock_offset + p_by;
  PERFORM core.ensure_partitions();
  RETURN core.clock();
END
$$;
