"""Whatever shows a balance shows all of it: no type that has `available` leaves an account out."""

from graphql import GraphQLObjectType

from controlplane.graphql.schema import schema

ACCOUNTS = {"available", "held", "leased", "settled", "owed", "shortfall", "receivable", "overdraftLimit"}


def test_every_balance_shows_every_account() -> None:
    types = schema._schema.type_map.values()
    balances = {
        kind.name: ACCOUNTS - set(kind.fields)
        for kind in types
        if isinstance(kind, GraphQLObjectType) and "available" in kind.fields
    }
    assert {"Wallet", "WalletBalance", "PastWallet"} <= set(balances)
    assert {name: missing for name, missing in balances.items() if missing} == {}
