"""Operations: everything usersync can do, by name and declared effect; nothing else does work.

Tasks and runbook steps call these and no other functions. A ``read`` writes nothing, anywhere.
"""

from usersync.operations import (
    checks,
    comparison,
    health,
    journal,
    leaving,
    migration,
    overwriting,
    profiles,
    repairs,
    rights,
    runbooks,
    stack,
    transactions,
)
from usersync.operations.registry import OPERATIONS, Operation, operation

__all__ = [
    "OPERATIONS",
    "Operation",
    "checks",
    "comparison",
    "health",
    "journal",
    "leaving",
    "migration",
    "operation",
    "overwriting",
    "profiles",
    "repairs",
    "rights",
    "runbooks",
    "stack",
    "transactions",
]
