"""Examining a database: what is wrong with it, and how to mend it."""

from controlplane.db.doctor.examination import examine
from controlplane.db.doctor.findings import Finding, Level

__all__ = ["Finding", "Level", "examine"]
