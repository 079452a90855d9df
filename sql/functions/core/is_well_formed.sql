-- Whether a list of items has the shape of KERNEL's request, as far as that can be seen without the
-- catalogue: one pass for the whole batch. What is wrong, core.refuse_malformed says. Amounts, lengths and
-- instants are looked at where they are parsed (core.judge).
CREATE OR REPLACE FUNCTION core.is_well_formed(p_items jsonb, p_needs_customer boolean) RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF jsonb_typeof(p_items) IS DISTINCT FROM 'array' OR jsonb_array_length(p_items) NOT BETWEEN 1 AND 1000 THEN
    RETURN false;
  END IF;
  -- Lax paths: a missing member yields nothing, so that "must be a string" reads !(… == "string") and
  -- "may be a string" … != "string" && … != "null".
  RETURN NOT p_items @? '$[*] ? (
      !(@.type() == "object")
      || !(@.idempotencyKey.type() == "string")
      || !(@.featureId.type() == "string")
      || (@.customerId.type() != "string" && @.customerId.type() != "null")
      || (@.entityIds.type() != "array" && @.entityIds.type() != "null") || @.entityIds[*].type() != "string"
      || (@.sessionId.type() != "string" && @.sessionId.type() != "null")
      || (@.quantities.type() != "array" && @.quantities.type() != "null")
      || @.quantities[*].type() != "object" || @.quantities[*].name.type() != "string"
      || (@.quantities[*].amount.type() != "string" && @.quantities[*].amount.type() != "number")
      || (@.quantity.type() != "string" && @.quantity.type() != "number" && @.quantity.type() != "null")
      || (exists(@.quantity ? (@ != null)) && exists(@.quantities.size()) && @.quantities != null)
      || (@.dimensions.type() != "array" && @.dimensions.type() != "null")
      || @.dimensions[*].type() != "object"
      || @.dimensions[*].key.type() != "string" || @.dimensions[*].value.type() != "string"
      || (@.overage.type() != "string" && @.overage.type() != "null")
      || (@.group.type() != "string" && @.group.type() != "null")
      || (@.occurredAt.type() != "string" && @.occurredAt.type() != "null")
      || (@.metadata.type() != "object" && @.metadata.type() != "null")
    )'
    AND NOT EXISTS (
      SELECT FROM jsonb_array_elements(p_items) AS item
      WHERE item - '{idempotencyKey,customerId,featureId,quantity,quantities,entityIds,sessionId,dimensions,overage,group,occurredAt,metadata,detail}'::text[] <> '{}'
        OR (p_needs_customer AND jsonb_typeof(item -> 'customerId') IS DISTINCT FROM 'string'))
    AND NOT p_items @? '$[*].quantities[*] ? (!exists(@.name) || !exists(@.amount))'
    AND NOT p_items @? '$[*].dimensions[*] ? (!exists(@.key) || !exists(@.value))';
END
$$;
