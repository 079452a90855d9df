-- Put a job on a queue, in the caller's transaction: it exists if and only if the caller commits.
--
-- The one seam between the kernel and its queues. On plain Postgres it sends to pgmq. Where the data is
-- distributed, pgmq's tables are not within reach of a delegated call, so the same signature writes an
-- outbox row there; hence the customer as the first argument.
--
--   p_customer_id  whose job it is; the message carries it as "customer_id"
--   p_queue        top_up, expiry, recurring_grant, alert, webhook, billing_export, seal, maintenance
--   p_payload      a JSON object; must not have "customer_id" of its own
--   p_visible_at   not before this instant; NULL is at once
--
-- Returns the message's id within its queue. Raises UC900 for a queue that does not exist, 22004 for a
-- missing argument and 22023 for a payload that is no object.
CREATE OR REPLACE FUNCTION core.enqueue(
    p_customer_id text,
    p_queue text,
    p_payload jsonb,
    p_visible_at timestamptz DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_message_id bigint;
BEGIN
    IF p_customer_id IS NULL OR p_queue IS NULL OR p_payload IS NULL THEN
        RAISE EXCEPTION 'core.enqueue: customer, queue and payload are needed'
            USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF jsonb_typeof(p_payload) <> 'object' OR p_payload ? 'customer_id' THEN
        RAISE EXCEPTION 'core.enqueue: the payload is an object without "customer_id"'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- Looked up rather than caught: an EXCEPTION clause would cost every call a subtransaction.
    IF to_regclass(format('pgmq.%I', 'q_' || p_queue)) IS NULL THEN
        RAISE EXCEPTION 'unknown queue %', p_queue
            USING ERRCODE = 'UC900', DETAIL = jsonb_build_object('field', 'queue', 'value', p_queue)::text;
    END IF;
    SELECT sent INTO v_message_id
    FROM pgmq.send(
        p_queue,
        p_payload || jsonb_build_object('customer_id', p_customer_id),
        coalesce(p_visible_at, clock_timestamp())
    ) AS sent;
    RETURN v_message_id;
END
$$;
