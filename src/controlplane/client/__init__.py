"""A small client of the API: requests over kept connections, live balances, keys in order of time."""
