"""Repair: rows that are there already are corrected, and their old values kept."""

from usersync.repair.engine import carry_out, rehearse
from usersync.repair.job import Job, RepairOptions, jobs, keeps, restoring
from usersync.repair.plan import Planned, make_plan, planned_result, stop_at, would
from usersync.repair.retention import coming, parked

__all__ = [
    "Job",
    "Planned",
    "RepairOptions",
    "carry_out",
    "coming",
    "jobs",
    "keeps",
    "make_plan",
    "parked",
    "planned_result",
    "rehearse",
    "restoring",
    "stop_at",
    "would",
]
