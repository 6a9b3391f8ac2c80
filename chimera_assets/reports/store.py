"""Where reports are kept: `<lake>/reports/<period>/<id>.r<revision>/`, each once and for ever."""

from __future__ import annotations

import re
from dataclasses import dataclass
from glob import escape
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.lake.errors import translated
from chimera_assets.lake.objects import Objects
from chimera_assets.lake.storage import is_s3
from chimera_assets.reports.evidence.bundle import MANIFEST, UNFINISHED
from chimera_assets.reports.evidence.dsse import Envelope
from chimera_assets.reports.evidence.statement import Statement
from chimera_assets.spool import spool_folder
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chimera_assets.lake import Lake

FOLDER = "reports"

_PLACE = re.compile(rf"([^/]+)/([^/]+)\.r([1-9]\d*)/{re.escape(MANIFEST)}")


class NoSuchReport(ChimeraError):  # noqa: N818
    """There is no report of that name.

    Args:
        wanted: The name that was asked for.
        known: The names that there are.
    """

    def __init__(self, wanted: str, known: list[str]) -> None:
        listed = one_of(known, wanted, listed_by="chimera report list") if known else "none yet"
        super().__init__(f"report: expected {listed}, found {wanted}")


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report that is kept.

    Attributes:
        period: Its period, as it is written.
        id: What it is called, the same for all its revisions.
        revision: From 1 on.
    """

    period: str
    id: str
    revision: int

    @property
    def name(self) -> str:
        """By which one revision is named."""
        return f"{self.id}.r{self.revision}"

    @property
    def folder(self) -> str:
        """Its folder, below that of all reports."""
        return f"{self.period}/{self.name}"


class DamagedReport(ChimeraError):  # noqa: N818
    """A report is not as it was built.

    Args:
        report: The report.
        problem: What of it.
    """

    def __init__(self, report: StoredReport, problem: str) -> None:
        told = f"`chimera report verify {report.name}` names all that is not sound"
        super().__init__(f"{report.folder}/{problem}; {told}")


class Store:
    """The reports of a lake.

    Args:
        lake: The lake.
    """

    def __init__(self, lake: Lake) -> None:
        self._objects = Objects(lake, FOLDER)

    @property
    def uri(self) -> str:
        """Where they are."""
        return self._objects.uri

    def place(self, report: StoredReport) -> str:
        """Where one is."""
        return f"{self.uri}/{report.folder}"

    def reports(self) -> list[StoredReport]:
        """Every report that is whole, by period, id and revision."""
        found = (_PLACE.fullmatch(path) for path in self._objects.sizes())
        listed = [StoredReport(one[1], one[2], int(one[3])) for one in found if one is not None]
        return sorted(listed, key=lambda one: (one.period, one.id, one.revision))

    def find(self, name: str) -> StoredReport:
        """The report of a name: of one revision, or the newest of an id.

        Raises:
            NoSuchReport: There is none.
        """
        known = self.reports()
        named = [one for one in known if name in {one.name, one.id}]
        if not named:
            raise NoSuchReport(name, [one.name for one in known])
        return named[-1]

    def newest(self, id_: str) -> StoredReport | None:
        """The newest revision of a report."""
        return next((one for one in reversed(self.reports()) if one.id == id_), None)

    def read(self, report: StoredReport, name: str) -> bytes:
        """A file of a report.

        Raises:
            FileNotFoundError: It has none of that name.
        """
        return self._objects.read(f"{report.folder}/{name}")

    def statement(self, report: StoredReport) -> Statement:
        """What a report says of itself, by its manifest, whose signatures nobody checks here.

        Raises:
            EvidenceError: Its manifest is none.
            TransparencyError: Likewise, of a proof or checkpoint in it.
            FileNotFoundError: It has none.
        """
        return Statement.parse(Envelope.parse(self.read(report, MANIFEST)).payload)

    def files(self, report: StoredReport) -> Iterator[str]:
        """The names of a report's files."""
        yield from self._objects.sizes(report.folder)

    def problem(self, report: StoredReport) -> str | None:
        """What of a report's files is not as its manifest says; None if all are.

        Its signatures nobody checks here.
        """
        try:
            statement = self.statement(report)
        except (ChimeraError, FileNotFoundError) as error:
            return f"{MANIFEST}: {error}"
        which = statement.predicate.report
        if (which.id, which.revision) != (report.id, report.revision):
            found = f"{which.id}.r{which.revision}"
            return f"{MANIFEST}: expected the report {report.name}, found {found}"
        said = {one.name: one.sha256 for one in statement.subjects}
        there = set(self.files(report)) - {MANIFEST}
        for name in sorted(there - said.keys()):
            return f"{name}: expected no such file, found one"
        for name, digest in said.items():
            if name not in there:
                return f"{name}: expected a file, found none"
            if sha256(self.read(report, name)).hexdigest() != digest:
                return f"{name}: expected what was built, found others"
        return None

    def require_whole(self, report: StoredReport) -> None:
        """Refuse a report whose files are not as its manifest says.

        Raises:
            DamagedReport: They are not; with the first of them.
        """
        if (problem := self.problem(report)) is not None:
            raise DamagedReport(report, problem)

    def local(self, report: StoredReport) -> Path | None:
        """Its folder on this machine; None where the lake is elsewhere."""
        return None if is_s3(self.uri) else Path(self.uri, report.folder)

    def fetch(self, report: StoredReport, folder: Path) -> None:
        """Copy a report into a folder that is there."""
        for name in self.files(report):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.read(report, name))

    def keep(self, report: StoredReport, write: Callable[[Path], object]) -> None:
        """Keep a new report; what earlier builds of it left that were killed goes.

        Args:
            report: The report, which nobody else builds meanwhile.
            write: Writes its bundle into a folder that is not there yet.

        Raises:
            LakeError: It cannot be written.
        """
        local = self.local(report)
        if local is None:
            with spool_folder("report") as folder:
                write(folder / report.name)
                self._upload(report, folder / report.name)
            return
        try:
            self._objects.make_folder(report.period)
            for half in local.parent.glob(f".{escape(report.id)}.r*{UNFINISHED}"):
                rmtree(half)
            write(local)
        except OSError as error:  # a full disk, a file in the place of the folder
            raise translated(error, str(local)) from error

    def _upload(self, report: StoredReport, folder: Path) -> None:
        """Its manifest comes last, and makes it whole."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda one: one.name == MANIFEST):
            name = path.relative_to(folder).as_posix()
            self._objects.put(f"{report.folder}/{name}", path.read_bytes())
