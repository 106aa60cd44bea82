"""The tasks people type: parse, call an operation, print, exit.

In somebody's own ``tasks.py``: ``ns.add_collection(usersync.tasks.namespace, name="usersync")``.
Nothing heavy is imported here, so that listing the tasks stays fast.
"""

from invoke.collection import Collection

from usersync.tasks import (
    connect,
    health,
    journal,
    local,
    migration,
    profiles,
    repair,
    report,
    runbook,
)
from usersync.tasks.demo import demo
from usersync.tasks.doctor import doctor
from usersync.tasks.init import init
from usersync.tasks.logs import logs
from usersync.tasks.targets import targets
from usersync.tasks.uninstall import uninstall

__all__ = ["namespace"]

namespace = Collection(
    profiles.status,
    profiles.sync,
    profiles.create_profile,
    repair.restore,
    demo,
    doctor,
    init,
    logs,
    targets,
    uninstall,
    connect=Collection.from_module(connect),
    health=Collection.from_module(health),
    journal=Collection.from_module(journal),
    local=Collection.from_module(local),
    migration=Collection.from_module(migration),
    repair=Collection(repair.emails, repair.orphans, repair.tokens),
    report=Collection.from_module(report),
    runbook=runbook.collection(),
)
