"""Grants: given, changed, voided, moved to another wallet."""

from functools import partial
from typing import Annotated, Any

import strawberry

from controlplane.db import configuration, reading
from controlplane.db.reading import Record
from controlplane.graphql.access import Scope
from controlplane.graphql.administering import UserError, actor_of, attempted, json_of
from controlplane.graphql.context import Info
from controlplane.graphql.deciding import TimeoutMs
from controlplane.graphql.failures import written
from controlplane.graphql.mutations.customers import changed
from controlplane.graphql.scalars import Credits, DateTime, Long
from controlplane.graphql.types.nodes import from_record
from controlplane.graphql.types.wallets import (
    ChargedBackPart,
    Grant,
    GrantKind,
    TransferredPart,
    Wallet,
    charged_back_part,
    grant,
    transferred_part,
    wallet,
)

UNSET: Any = strawberry.UNSET


@strawberry.input(description="A lot of credits for a wallet, which is made if it is not there.")
class GrantCreditsInput:
    """A grant."""

    idempotency_key: str = strawberry.field(description="Your key for it: the same key grants once.")
    customer_id: strawberry.ID = strawberry.field(description="To whom.")
    entity_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="To which entity's wallet; null: the customer's own."
    )
    wallet_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Id of a wallet that is there, instead of entity and type."
    )
    credit_type: strawberry.ID | None = strawberry.field(default=UNSET, description="Which kind of credit.")
    amount: Credits = strawberry.field(description="How much.")
    kind: GrantKind | None = strawberry.field(default=UNSET, description="What it is; PAID if not given.")
    priority: int | None = strawberry.field(default=UNSET, description="0 to 100, the lower burns first; 50.")
    effective_at: DateTime | None = strawberry.field(default=UNSET, description="Since when; now.")
    expires_at: DateTime | None = strawberry.field(default=UNSET, description="Until when; null: for ever.")
    features: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="Only these features may burn it; null: any."
    )
    cost_basis: Credits | None = strawberry.field(
        default=UNSET, description="What one credit cost, net of tax and discount; needs `currency`."
    )
    currency: str | None = strawberry.field(default=UNSET, description="Its currency, ISO 4217.")
    source: str | None = strawberry.field(
        default=UNSET, description="Where it comes from, such as an invoice."
    )
    pending_payment: bool | None = strawberry.field(
        default=UNSET, description="Issue it only when `updateGrant` says that its payment was received."
    )


@strawberry.input(description="New terms of what is unspent of a grant; what is not given stays as it is.")
class UpdateGrantInput:
    """A change of a grant."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    grant_id: strawberry.ID = strawberry.field(description="Which grant.")
    priority: int | None = strawberry.field(default=UNSET, description="0 to 100, the lower burns first.")
    effective_at: DateTime | None = strawberry.field(
        default=UNSET, description="Since when; null: now. Never changes once it has begun."
    )
    expires_at: DateTime | None = strawberry.field(
        default=UNSET, description="Until when, after now; null: for ever. To end it now, void it."
    )
    payment_received: bool | None = strawberry.field(
        default=UNSET, description="True issues a grant that waited for its payment; of others, nothing."
    )


@strawberry.input(description="A grant to take back.")
class VoidGrantInput:
    """A void."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    grant_id: strawberry.ID = strawberry.field(description="Which grant.")
    reason: str = strawberry.field(description="Why.")
    chargeback: bool | None = strawberry.field(
        default=UNSET,
        description="Its payment was taken back: what was spent of it is a receivable, and so is what was"
        " spent of the grants made of it. False if not given.",
    )


@strawberry.input(description="A wallet: by its id, or by its credit type and whose it is.")
class WalletKeyInput:
    """A wallet's name."""

    wallet_id: strawberry.ID | None = strawberry.field(default=UNSET, description="Its id.")
    credit_type: strawberry.ID | None = strawberry.field(default=UNSET, description="Its credit type.")
    entity_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Whose; null: the customer's own."
    )


@strawberry.input(description="Credits to move from one wallet to another of the same credit type.")
class TransferCreditsInput:
    """A transfer."""

    idempotency_key: str = strawberry.field(description="Your key for it: the same key moves once.")
    customer_id: strawberry.ID = strawberry.field(description="Whose both wallets are.")
    from_: WalletKeyInput = strawberry.field(name="from", description="The wallet they are taken from.")
    to: WalletKeyInput = strawberry.field(description="Where they go; it is made if it is not there.")
    amount: Credits = strawberry.field(description="How much; all of it moves, or nothing.")


@strawberry.type(description="What grantCredits did.")
class GrantCreditsPayload:
    """Payload."""

    grant: Grant | None = strawberry.field(description="As it is now; null if something was wrong.")
    repaid: Credits | None = strawberry.field(
        description="What of it paid at once what the wallet owed; null if something was wrong."
    )
    seq: Long | None = strawberry.field(description="Place in the customer's history.")
    replayed: bool = strawberry.field(description="Whether this key granted before; nothing was granted now.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What updateGrant did.")
class UpdateGrantPayload:
    """Payload."""

    grant: Grant | None = strawberry.field(description="As it is now; null if something was wrong.")
    seq: Long | None = strawberry.field(description="Of the change; null if nothing changed.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What voidGrant did.")
class VoidGrantPayload:
    """Payload."""

    grant: Grant | None = strawberry.field(description="As it is now; null if something was wrong.")
    voided: Credits | None = strawberry.field(description="What was left of it and was taken back.")
    held: Credits | None = strawberry.field(
        description="What reservations held of it then: spent by them, or taken back when it is returned."
    )
    receivable: Credits | None = strawberry.field(
        description="What had been spent of it, if it was charged back: the customer is to pay it again."
    )
    parts: list[ChargedBackPart] = strawberry.field(
        description="If it was charged back: the grants made of it, by transfers and reversals, and of those"
        " in turn, that were charged back with it. The figures above are of the grant alone."
    )
    seq: Long | None = strawberry.field(
        description="Place in the customer's history; those of its parts come just before it."
    )
    replayed: bool = strawberry.field(description="Whether it had been voided before; nothing changed now.")
    user_errors: list[UserError] = strawberry.field(description="What was wrong; then nothing was written.")


@strawberry.type(description="What transferCredits did.")
class TransferCreditsPayload:
    """Payload."""

    parts: list[TransferredPart] = strawberry.field(
        description="What was taken of which grant, in burn order; each part is a grant of the other wallet."
    )
    from_wallet: Wallet | None = strawberry.field(
        description="Where they were taken from, as it is now; null if something was wrong."
    )
    to_wallet: Wallet | None = strawberry.field(description="Where they went, as it is now.")
    seq: Long | None = strawberry.field(description="Place in the customer's history: that of the last part.")
    replayed: bool = strawberry.field(description="Whether this key moved before; nothing was moved now.")
    user_errors: list[UserError] = strawberry.field(
        description="What was wrong, such as INSUFFICIENT_CREDITS; then nothing was written."
    )


@strawberry.type
class GrantMutations:
    """What is done with grants."""

    @strawberry.mutation(description="Grant credits.")
    async def grant_credits(
        self,
        info: Info,
        given: Annotated[GrantCreditsInput, strawberry.argument(name="input", description="The grant.")],
        timeout_ms: TimeoutMs = None,
    ) -> GrantCreditsPayload:
        """Grant once."""
        asked = asked_of_customer(info, given)
        decide = partial(info.context.services.decisions.grant, given.customer_id, asked)
        found, errors = await made_once(info, decide, timeout_ms)
        if found is None:
            return GrantCreditsPayload(grant=None, repaid=None, seq=None, replayed=False, user_errors=errors)
        granted = await _grant(info, given.customer_id, found["grantId"])
        return GrantCreditsPayload(
            grant=granted,
            repaid=found["repaid"],
            seq=found["seq"],
            replayed=found["replayed"],
            user_errors=[],
        )

    @strawberry.mutation(
        description="Change dates and priority of what is unspent of a grant, or issue one whose payment was"
        " received. One that is EXPIRED, EXHAUSTED or VOIDED is refused with that code."
    )
    async def update_grant(
        self,
        info: Info,
        given: Annotated[UpdateGrantInput, strawberry.argument(name="input", description="The change.")],
    ) -> UpdateGrantPayload:
        """Change what is given."""
        found, errors = await changed(
            info, Scope.GRANT, given.customer_id, configuration.update_grant, json_of(given)
        )
        if found is None:
            return UpdateGrantPayload(grant=None, seq=None, user_errors=errors)
        return UpdateGrantPayload(grant=grant(found), seq=found["seq"], user_errors=[])

    @strawberry.mutation(
        description="Take back what is left of a grant and not held by reservations. Voiding again changes"
        " nothing; one that is EXPIRED or EXHAUSTED is refused with that code, unless it is a chargeback:"
        " then what was spent of it, and what reservations hold of it as they settle, is a receivable, and"
        " all grants that were made of it go the same way."
    )
    async def void_grant(
        self,
        info: Info,
        given: Annotated[VoidGrantInput, strawberry.argument(name="input", description="The grant.")],
    ) -> VoidGrantPayload:
        """Void once."""
        found, errors = await changed(
            info, Scope.GRANT, given.customer_id, configuration.void_grant, json_of(given)
        )
        if found is None:
            return VoidGrantPayload(
                grant=None,
                voided=None,
                held=None,
                receivable=None,
                parts=[],
                seq=None,
                replayed=False,
                user_errors=errors,
            )
        granted = await _grant(info, given.customer_id, found["grantId"])
        parts = [charged_back_part(part) for part in found.pop("parts")]
        return from_record(VoidGrantPayload, found, grant=granted, parts=parts, user_errors=[])

    @strawberry.mutation(
        description="Move credits to another wallet of the same credit type, also between entities: all of"
        " them or none. They are taken in burn order and keep their terms; what the other wallet owes is"
        " paid first."
    )
    async def transfer_credits(
        self,
        info: Info,
        given: Annotated[
            TransferCreditsInput, strawberry.argument(name="input", description="The transfer.")
        ],
        timeout_ms: TimeoutMs = None,
    ) -> TransferCreditsPayload:
        """Move once."""
        asked = asked_of_customer(info, given)
        asked["from"] = asked.pop("from_")
        decide = partial(info.context.services.decisions.transfer, given.customer_id, asked)
        found, errors = await made_once(info, decide, timeout_ms)
        if found is None:
            return TransferCreditsPayload(
                parts=[], from_wallet=None, to_wallet=None, seq=None, replayed=False, user_errors=errors
            )
        return TransferCreditsPayload(
            parts=[transferred_part(part) for part in found["parts"]],
            from_wallet=await _wallet(info, given.customer_id, found["fromWalletId"]),
            to_wallet=await _wallet(info, given.customer_id, found["toWalletId"]),
            seq=found["seq"],
            replayed=found["replayed"],
            user_errors=[],
        )


def asked_of_customer(info: Info, given: Any, scope: Scope = Scope.GRANT) -> dict[str, Any]:
    """What an input asks of its customer, by a caller who may: give credits, if nothing else is said.

    Raises:
        GraphQLError: ``FORBIDDEN``.
    """
    principal = info.context.principal
    principal.need(scope)
    principal.need_customer(given.customer_id, "input.customerId")
    asked: dict[str, Any] = json_of(given)
    del asked["customerId"]
    return asked


async def made_once(info: Info, decide: Any, timeout_ms: int | None) -> tuple[Record | None, list[UserError]]:
    """What a lane answered to a request under a key, or what is wrong with it."""
    seconds = info.context.seconds_left(timeout_ms)
    return await attempted(lambda: decide(actor_of(info.context.principal), within=seconds))


async def _grant(info: Info, customer_id: str, grant_id: str) -> Grant:
    with written():
        records = await reading.read_grants(
            info.context.services.database, customer_id, {"grantId": str(grant_id)}, None, 1
        )
    return grant(records[0])


async def _wallet(info: Info, customer_id: str, wallet_id: str) -> Wallet:
    with written():
        records = await reading.read_wallets(
            info.context.services.database, customer_id, {"walletId": wallet_id}, None, 1
        )
    return wallet(records[0])
