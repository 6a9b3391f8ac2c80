"""A site whose hours are run by a process each, so that one can be lost."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from tests.site.site import Process, ProcessEndedError, Ran, Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.postgres.embedded.server import EmbeddedPostgres


class DisposableSite(Site):
    """A site whose processes are lost; each leads a group of its own, to be killed as one."""

    @property
    def server(self) -> EmbeddedPostgres:
        """The embedded server, to be handled roughly."""
        return self._server

    def attempt(
        self,
        first: str,
        last: str | None = None,
        *,
        on_step: Callable[[int, dict[str, Any]], None] | None = None,
        **settings: str,
    ) -> Ran | None:
        """Run hours in a process of their own, None if it was killed.

        Args:
            first: The first hour's key.
            last: The last hour's key; the first if not given.
            on_step: Told of each step with the process's id, which is also that of its group.
            settings: Environment of this process alone.
        """
        process = Process(self.home, self.settings | settings)
        pid: int = process.greeting["ready"]
        try:
            result = process.ask(
                "run",
                on_step=(lambda said: on_step(pid, said)) if on_step is not None else None,
                first=first,
                last=last or first,
            )
        except ProcessEndedError as ended:
            if ended.code != -signal.SIGKILL:
                raise
            process.child.communicate()
            return None
        process.close()
        return Ran(**result)

    def asked(self, moments: list[str], **settings: str) -> list[list[str]]:
        """The hours that the schedule asks for at each of these moments."""
        process = Process(self.home, self.settings | settings)
        hours: Any = process.ask("asked", moments=moments)
        process.close()
        found: list[list[str]] = hours
        return found

    def ran(self, first: str, last: str | None = None, **settings: str) -> Ran:
        """Run hours to their end, and see that all went well."""
        ran = self.attempt(first, last, **settings)
        assert ran is not None
        assert ran.success, ran.failed
        assert not ran.broken_checks
        return ran
