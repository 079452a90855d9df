-- A fault where a type of entity is missing or means something else: customer is the root, and SESSION is what a
-- budget counts instead of entities.
CREATE OR REPLACE FUNCTION core.type_faults(p_type text, p_is_needed boolean, p_field text) RETURNS jsonb
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF p_type IS NULL AND p_is_needed THEN
    RETURN core.fault(p_field, 'REQUIRED', 'is needed');
  ELSIF p_type IN ('customer', 'SESSION') THEN
    RETURN core.fault(p_field, 'RESERVED', 'must be another word than customer and SESSION');
  END IF;
  RETURN '[]';
END
$$;
