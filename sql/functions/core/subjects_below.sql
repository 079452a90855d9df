-- The entities of one type below an owner on a path: the subjects of a budget for *each* of them, each once.
--
--   p_chain  paths of entities, one after the other, each leaf upwards with 0 at its end
--   p_types  their types, at the same places
--
-- It runs for every such budget of every route, hence no search_path of its own.
CREATE OR REPLACE FUNCTION core.subjects_below(p_chain integer[], p_types text[], p_owner integer, p_type text) RETURNS integer[]
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
AS $$
DECLARE
  v_subjects integer[] := '{}';
  -- Of the path at hand: those met so far, which are subjects only if the owner comes after them.
  v_met integer[] := '{}';
BEGIN
  FOR v_n IN 1 .. pg_catalog.cardinality(p_chain) LOOP
    IF p_chain[v_n] = p_owner THEN
      v_subjects := v_subjects || v_met;
      v_met := '{}';
    ELSIF p_types[v_n] = p_type AND p_chain[v_n] <> ALL (v_subjects) THEN
      v_met := v_met || p_chain[v_n];
    END IF;
    IF p_chain[v_n] = 0 THEN
      v_met := '{}';
    END IF;
  END LOOP;
  RETURN v_subjects;
END
$$;
