"""A demonstration: one customer whose agents spend, and the terminal that shows it."""
