"""Bringing customers, entities and opening balances over from another system, out of a file."""
