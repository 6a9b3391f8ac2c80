"""Sessions of pytest with marked tests: what is reported, what is written, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.criteria.plugin import CATALOGUE, PAGE

if TYPE_CHECKING:
    from pathlib import Path

FIRST = """
import pytest

@pytest.mark.criterion("A.2", "B")
@pytest.mark.parametrize("number", [1, 2])
def test_two(number):
    pass

class TestMore:
    @pytest.mark.criterion("A.2")
    def test_three(self):
        pass

def test_of_nothing():
    assert False
"""
SECOND = """
import pytest

@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.criterion("A.1"))])
def test_one(n):
    pass
"""
WRITTEN = """
2 proven, 2 open.

## First

| id | criterion | proof |
|---|---|---|
| A.1 | rows are kept | open |
| A.2 | columns are kept | [`TestMore::test_three`](../tests/test_first.py), \
[`test_two`](../tests/test_first.py) |

## Second

| id | criterion | proof |
|---|---|---|
| B | all is reported | [`test_two`](../tests/test_first.py) |
| 1.10 | nothing is lost | open |
"""


class Run(Protocol):
    """Runs pytest in the project with these options."""

    def __call__(self, *options: str) -> pytest.RunResult: ...


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A project with a catalogue, a page that nobody has made yet, and one file of tests."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for folder in ("tests/criteria", "docs"):
        (pytester.path / folder).mkdir(parents=True)
    (pytester.path / CATALOGUE).write_text(
        '"First":\n  "A.1": rows are kept\n  "A.2": columns are kept\n'
        '"Second":\n  "B": all is reported\n  "1.10": nothing is lost\n'
    )
    (pytester.path / "tests/test_first.py").write_text(FIRST)

    def started(*options: str) -> pytest.RunResult:
        return pytester.runpytest("-p", "tests.criteria.plugin", "--strict-markers", *options)

    return started


@pytest.fixture
def page(pytester: pytest.Pytester) -> Path:
    return pytester.path / PAGE


PROOFS = ("-m", "criterion", "--criteria")
WORKERS = ("-p", "xdist", "-n", "2")


@pytest.mark.parametrize("workers", [(), WORKERS], ids=["alone", "workers"])
def test_the_page_names_each_test_once_and_is_the_same_each_time(
    run: Run, page: Path, workers: tuple[str, ...]
) -> None:
    ran = run(*PROOFS, *workers)

    assert ran.ret == 0
    assert ran.outlines[-5:] == [
        "A.1       open",
        "A.2       tests/test_first.py::TestMore::test_three tests/test_first.py::test_two passed",
        "B         tests/test_first.py::test_two passed",
        "1.10      open",
        "2 proven, 2 open",
    ]
    written = page.read_text()
    assert written.endswith(WRITTEN)
    assert run(*PROOFS).ret == 0
    assert page.read_text() == written


def test_an_ordinary_run_tells_and_writes_nothing(run: Run, page: Path) -> None:
    ran = run("-k", "not nothing")

    assert ran.ret == 0
    assert "proven" not in ran.stdout.str()
    assert not page.exists()


@pytest.mark.parametrize(
    ("mark", "reported", "options"),
    [
        ('criterion("A.22")', "(did you mean A.2?), found A.22", ()),
        ('criterion("A.22")', "(did you mean A.2?), found A.22", WORKERS),
        ('criterion("B", "X.9")', "found X.9", ()),
        ("criterion(1.10)", "(did you mean 1.10?), found 1.1", ()),
        ("criterion", "found none", ()),
        ('criterion(id="B")', "found none", ()),
    ],
)
def test_an_unknown_id_is_an_error_of_its_file_in_every_run(
    run: Run, pytester: pytest.Pytester, mark: str, reported: str, options: tuple[str, ...]
) -> None:
    text = f"import pytest\n\n@pytest.mark.{mark}\ndef test_one():\n    pass\n"
    (pytester.path / "tests/test_second.py").write_text(text)

    ran = run(*options)

    code = pytest.ExitCode
    assert ran.ret == (code.TESTS_FAILED if options == WORKERS else code.INTERRUPTED)
    line = f"tests/test_second.py::test_one: criterion: expected ids of {CATALOGUE}*{reported}"
    ran.stdout.fnmatch_lines([line])


BROKEN = {
    "skipped": ("skipped", "pytest.skip('not here')"),
    "failed": ("failed", "assert number == 1"),
    "expected to fail": ("expected to fail", "pytest.xfail('not yet')"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_proof_that_does_not_pass_fails_and_the_page_stays(
    run: Run, pytester: pytest.Pytester, page: Path, how: str
) -> None:
    result, body = BROKEN[how]
    page.write_text("as it was")
    broken = FIRST.replace("(number):\n    pass", f"(number):\n    {body}")
    (pytester.path / "tests/test_first.py").write_text(broken)

    ran = run(*PROOFS)

    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    assert f"B         tests/test_first.py::test_two {result}" in ran.outlines
    assert ran.outlines[-1] == (
        "0 proven, 2 open, 2 whose proof does not hold; docs/criteria.md stays as it was"
    )
    assert page.read_text() == "as it was"


@pytest.mark.parametrize(
    "chosen",
    [
        ("-k", "not two"),
        ("--deselect", "tests/test_first.py::test_two[2]"),
        ("tests/test_first.py::TestMore",),
        ("tests/test_second.py",),
    ],
    ids=lambda chosen: chosen[0],
)
def test_a_proof_that_was_left_out_fails(
    run: Run, pytester: pytest.Pytester, page: Path, chosen: tuple[str, ...]
) -> None:
    (pytester.path / "tests/test_second.py").write_text(SECOND)
    assert run(*PROOFS).ret == 0
    before = page.read_text()

    ran = run(*PROOFS, *chosen)

    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    assert "B         tests/test_first.py::test_two not run" in ran.outlines
    assert page.read_text() == before


def test_a_mark_on_one_parameter_counts_for_that_one(
    run: Run, pytester: pytest.Pytester, page: Path
) -> None:
    (pytester.path / "tests/test_second.py").write_text(SECOND)

    assert run(*PROOFS).ret == 0

    assert "| A.1 | rows are kept | [`test_one`](../tests/test_second.py) |" in page.read_text()


def test_proofs_of_a_file_that_is_gone_are_forgotten(
    run: Run, pytester: pytest.Pytester, page: Path
) -> None:
    second = pytester.path / "tests/test_second.py"
    second.write_text(SECOND)
    assert run(*PROOFS).ret == 0
    second.unlink()

    assert run(*PROOFS).ret == 0

    assert page.read_text().endswith(WRITTEN)


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ("  1.10: a number", 'expected ids in quotes, "005.3" for instance, found 1.1'),
        ('  "A.1": again', "expected each id once, found A.1 twice"),
    ],
)
def test_a_catalogue_that_is_none_ends_the_run(
    run: Run, pytester: pytest.Pytester, line: str, reported: str
) -> None:
    catalogue = pytester.path / CATALOGUE
    catalogue.write_text(f"{catalogue.read_text()}Third:\n{line}\n")

    ran = run()

    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    ran.stderr.fnmatch_lines([f"ERROR: {catalogue}: {reported}"])
