-- Whether a list of items has the shape of KERNEL's request, as far as that can be seen without the
-- catalogue: one pass for all. What is wrong, core.refuse_malformed says. Amounts, lengths and instants are
-- looked at where they are parsed (core.parse_items), which asks for the first item of each route only.
CREATE OR REPLACE FUNCTION core.is_well_formed(p_items jsonb, p_needs_customer boolean) RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Lax paths: a missing member yields nothing, so that "must be a string" reads !(… == "string") and
  -- "may be a string" … != "string" && … != "null".
  RETURN NOT p_items @? '$[*] ? (
      !(@.type() == "object")
      || !(@.featureId.type() == "string")
      || (@.customerId.type() != "string" && @.customerId.type() != "null")
      || (@.entityIds.type() != "array" && @.entityIds.type() != "null") || @.entityIds[*].type() != "string"
      || (@.quantities.type() != "array" && @.quantities.type() != "null") || @.quantities.size() == 0
      || (@.quantity.type() != "string" && @.quantity.type() != "number" && @.quantity.type() != "null")
      || (@.dimensions.type() != "array" && @.dimensions.type() != "null")
      || @.dimensions[*].type() != "object"
      || @.dimensions[*].key.type() != "string" || @.dimensions[*].value.type() != "string"
      || (@.overage.type() != "string" && @.overage.type() != "null")
      || (@.occurredAt.type() != "string" && @.occurredAt.type() != "null")
    )'
    AND NOT EXISTS (
      SELECT FROM jsonb_array_elements(p_items) AS item
      WHERE item - '{idempotencyKey,customerId,featureId,quantity,quantities,entityIds,sessionId,dimensions,overage,group,occurredAt,metadata,detail}'::text[] <> '{}'
        OR (p_needs_customer AND jsonb_typeof(item -> 'customerId') IS DISTINCT FROM 'string'))
    AND NOT p_items @? '$[*].dimensions[*] ? (!exists(@.key) || !exists(@.value))';
END
$$;
