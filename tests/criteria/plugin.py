"""The marker `criterion`: which tests prove which criteria of the specification, and whether.

In every run an id that is not in the catalogue is an error of the file that has it. With
`--criteria` the result of each criterion is printed at the end, and the page is written if every
proof holds. A proof that did not run, whatever the reason, does not hold.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import pytest

from tests.criteria.catalogue import load
from tests.criteria.page import proofs_on, render, tests_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.criteria.page import Proofs

#: Both from the root of the repository.
CATALOGUE = "tests/criteria/catalogue.yaml"
PAGE = "docs/criteria.md"

NAME = "criteria"
OPEN, NOT_RUN = "open", "not run"
_WORST_FIRST = ("failed", NOT_RUN, "skipped", "expected to fail", "passed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--criteria",
        action="store_true",
        help=f"print the result of each criterion; write {PAGE} if every proof holds",
    )


def pytest_configure(config: pytest.Config) -> None:
    words = f"criterion(*ids): the test proves these criteria of {CATALOGUE}"
    config.addinivalue_line("markers", words)
    config.pluginmanager.register(Criteria(config), NAME)


class Criteria:
    """The proofs of a session, and what became of them."""

    def __init__(self, config: pytest.Config) -> None:
        self.root = config.rootpath
        self.page = self.root / PAGE
        self.catalogue = load(self.root / CATALOGUE)
        self._ids = [one for section in self.catalogue.values() for one in section]
        self._reports = config.getoption("--criteria") and not hasattr(config, "workerinput")
        #: Every test that was found, whether it is run or not -> the ids that it proves.
        self._found: dict[str, list[str]] = {}
        self._outcomes: dict[str, str] = {}
        self._lines: list[str] = []

    @property
    def proofs(self) -> dict[str, list[str]]:
        """The tests that prove something, by node id.

        Of files that this session did not look at, it is what the page says.
        """
        files = {test.partition("::")[0] for test in self._found}
        page = self.page.read_text() if self.page.exists() else ""
        elsewhere = {
            test: ids
            for test, ids in proofs_on(page).items()
            if (path := test.partition("::")[0]) not in files and (self.root / path).exists()
        }
        return {test: ids for test, ids in self._found.items() if ids} | elsewhere

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, Any, pytest.CollectReport]:
        report: pytest.CollectReport = yield
        items = [one for one in report.result if isinstance(one, pytest.Item)]
        mistakes = dict.fromkeys(reported for item in items for reported in self._mistakes(item))
        if mistakes:
            report.outcome, report.longrepr, report.result = "failed", "\n".join(mistakes), []
            return report
        for item in items:
            marks = item.iter_markers("criterion")
            self._found[item.nodeid] = sorted({one for mark in marks for one in mark.args})
        return report

    def _mistakes(self, item: pytest.Item) -> Iterator[str]:
        for mark in item.iter_markers("criterion"):
            for one in mark.args or ("none",):
                if one not in self._ids:
                    close = get_close_matches(str(one), self._ids, n=1)
                    guess = f" (did you mean {close[0]}?)" if close else ""
                    test = item.nodeid.partition("[")[0]
                    yield f"{test}: criterion: expected ids of {CATALOGUE}{guess}, found {one}"

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell the process that hands out the tests, which does not look at them itself."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[NAME] = self._found

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._found |= getattr(node, "workeroutput", {}).get(NAME, {})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, "wasxfail"):
            self._outcomes[report.nodeid] = "expected to fail"
        elif not report.passed:
            self._outcomes[report.nodeid] = report.outcome
        elif report.when == "call":
            self._outcomes.setdefault(report.nodeid, report.outcome)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the page if every proof holds, and fail if one does not."""
        ended = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if not self._reports or session.exitstatus not in ended:
            return
        proofs = self.proofs
        results = {one: self._result(one, proofs) for one in self._ids}
        self._lines = [
            " ".join([f"{one:<9}", *tests_of(one, proofs), result])
            for one, result in results.items()
        ]
        proven, unproven = (list(results.values()).count(one) for one in ("passed", OPEN))
        counted = f"{proven} proven, {unproven} open"
        broken = len(results) - proven - unproven
        if broken or session.exitstatus != pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            counted += f", {broken} whose proof does not hold; {PAGE} stays as it was"
        else:
            self.page.write_text(render(self.catalogue, proofs))
        self._lines.append(counted)

    def _result(self, criterion: str, proofs: Proofs) -> str:
        """That of the criterion's worst proof."""
        outcomes = {
            self._outcomes.get(test, NOT_RUN) for test, ids in proofs.items() if criterion in ids
        }
        return next((one for one in _WORST_FIRST if one in outcomes), OPEN)

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Print the results, after all that pytest prints."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        for line in self._lines:
            reporter.write_line(line)
