"""What frontends listen to."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from controlplane.db.encode import checked_text
from controlplane.graphql.arguments import CustomerId, reader
from controlplane.graphql.context import Info
from controlplane.graphql.failures import failure
from controlplane.graphql.types.wallets import Balance, version, wallet
from controlplane.live.hub import MOST_A_SECOND, HubClosed, NotThere


@strawberry.type(
    description="What tells by itself. The first event is the whole state; after it, newer ones."
)
class Subscription:
    """Live states."""

    @strawberry.subscription(
        description="A customer's wallets, in full with every event, now and whenever they have changed by"
        " whatever door or by time alone. Changes in quick succession come as one."
    )
    async def balance_changed(
        self,
        info: Info,
        customer_id: CustomerId = None,
        wallet_ids: Annotated[
            list[strawberry.ID] | None, strawberry.argument(description="Only these wallets; null: all.")
        ] = None,
        most_per_second: Annotated[
            float | None,
            strawberry.argument(description="Events a second at most: up to 10, which is usual."),
        ] = None,
    ) -> AsyncGenerator[Balance, None]:
        """Balances, the newest only."""
        customer = checked_text(reader(info, customer_id), "customerId")
        rate = MOST_A_SECOND if most_per_second is None else most_per_second
        if not 0.01 <= rate <= MOST_A_SECOND:
            raise failure("BAD_USER_INPUT", "mostPerSecond: between 0.01 and 10", field="mostPerSecond")
        wanted = None if wallet_ids is None else set(wallet_ids)
        try:
            async with aclosing(info.context.services.hub.subscribe(customer, most_a_second=rate)) as events:
                async for snapshot in events:
                    info.context.principal.need_customer(customer)  # the key may have been revoked since
                    record = snapshot.state
                    yield Balance(
                        customer_id=strawberry.ID(customer),
                        version=version(record),
                        wallets=[
                            wallet(each)
                            for each in record["wallets"]
                            if wanted is None or each["walletId"] in wanted
                        ],
                    )
        except NotThere:
            raise failure(
                "CUSTOMER_NOT_FOUND", f"there is no customer {customer}", field="customerId"
            ) from None
        except HubClosed:
            raise failure("UNAVAILABLE", "this server stops; connect again", retryable=True) from None
