"""Credits, budgets and entitlements for AI products, decided inside one Postgres transaction."""

__version__ = "0.1.0"
