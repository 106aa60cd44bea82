"""The console program ``usersync``: the same tasks in any folder, without a tasks.py."""

from invoke.exceptions import Exit
from invoke.program import Program

from usersync import __version__
from usersync.tasks import namespace


class _Console(Program):
    """Invoke's program, which ends in a traceback when its own ``--config`` cannot be read."""

    def update_config(self, merge: bool = True) -> None:
        """See `Program.update_config`."""
        try:
            super().update_config(merge)
        except Exception as error:
            if not self.args.config.value:
                raise
            raise Exit(
                "Error: --config (-f) before a task is Invoke's own file, not usersync.yaml\n"
                "Next:  put it behind the task: status --config usersync.yaml",
                code=3,
            ) from error


program = _Console(namespace=namespace, name="usersync", version=__version__)


def main() -> None:
    """Run the task that the command line names."""
    program.run()
