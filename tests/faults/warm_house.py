"""A house whose hours are run by forks of one warm process, so that one can be lost cheaply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.pipeline.house import House, Process, Ran

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chimera_assets.postgres.embedded.server import EmbeddedPostgres


class WarmHouse(House):
    """A house with a nursery; see `nursery.py`."""

    def __init__(self, home: Path, **settings: str) -> None:
        super().__init__(home, **settings)
        self._nursery = Process(home, settings, "tests.faults.nursery")
        assert self._nursery.greeting == {"ready": True}

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
        result = self._ask(on_step, {"do": "run", "first": first, "last": last or first}, settings)
        return Ran(**result) if result is not None else None

    def ticks(self, moments: list[str], **settings: str) -> list[list[str]]:
        """The hours that the schedule asks for at each of these moments."""
        result: list[list[str]] = self._ask(None, {"do": "ticks", "moments": moments}, settings)
        return result

    def _ask(
        self,
        on_step: Callable[[int, dict[str, Any]], None] | None,
        request: dict[str, Any],
        settings: dict[str, str],
    ) -> Any:
        self._nursery.tell({**request, "environment": settings})
        pid: int = self._nursery.answer()["pid"]
        result = None
        while "ended" not in (said := self._nursery.answer()):
            if "result" in said:
                result = said["result"]
            elif on_step is not None:
                on_step(pid, said)
        assert said["ended"] in {0, -9}, (said, self._nursery.log.read_text()[-4000:])
        return result if said["ended"] == 0 else None

    def ran(self, first: str, last: str | None = None, **settings: str) -> Ran:
        """Run hours to their end, and see that all went well."""
        ran = self.attempt(first, last, **settings)
        assert ran is not None
        assert ran.success, ran.failed
        assert not ran.broken_checks
        return ran

    def close(self) -> None:
        """End the nursery, and leave the server."""
        self._nursery.close()
        super().close()
