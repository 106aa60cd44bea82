"""The migration: what keeps profiles in step from inside the database, installed and taken out."""

from usersync.migration.apply import ApplyOptions, Edited, apply, idle, next_sync, plan
from usersync.migration.export import ExportOptions, export
from usersync.migration.ground import look, unrecorded, writer
from usersync.migration.proof import prove, rehearse, rehearse_on_target
from usersync.migration.remnants import listed as remnants
from usersync.migration.removal import UninstallOptions, nothing, proof, uninstall
from usersync.migration.removal import plan as plan_uninstall
from usersync.migration.rollback import RollbackOptions, rollback
from usersync.migration.rollback import plan as plan_rollback
from usersync.migration.states import PENDING

__all__ = [
    "PENDING",
    "ApplyOptions",
    "Edited",
    "ExportOptions",
    "RollbackOptions",
    "UninstallOptions",
    "apply",
    "export",
    "idle",
    "look",
    "next_sync",
    "nothing",
    "plan",
    "plan_rollback",
    "plan_uninstall",
    "proof",
    "prove",
    "rehearse",
    "rehearse_on_target",
    "remnants",
    "rollback",
    "uninstall",
    "unrecorded",
    "writer",
]
