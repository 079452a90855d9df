"""Output types, one module a subject. Each is made from what a reading function answers."""
