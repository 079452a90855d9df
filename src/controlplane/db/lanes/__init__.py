"""Lanes: what gathers the requests of many callers into few statements, fairly.

``Lanes`` is for what writes, ``Checks`` for what only reads; both take tickets and settle each of them.
"""
