"""The console program ``usersync``: the same tasks in any folder, without a tasks.py."""

from invoke.program import Program

from usersync import __version__
from usersync.tasks import namespace

program = Program(namespace=namespace, name="usersync", version=__version__)


def main() -> None:
    """Run the task that the command line names."""
    program.run()
