"""Driving a recorded trace of requests through a door, and counting what became of them."""
