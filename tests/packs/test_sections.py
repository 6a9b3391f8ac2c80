"""What a pack's section of reports may say, and what it is told where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chimera_assets.packs.active import SHIPPED_PACKS
from chimera_assets.packs.errors import PackError
from chimera_assets.packs.pack import read_pack
from chimera_assets.packs.sections import read_sections, section_problems

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
title: Latency
figures:
  slow: {title: Slow, sql: SELECT 1 FROM fact_generations}
tables:
  by_model: {title: By model, sql: SELECT model FROM fact_generations}
charts:
  models: {title: Models, alternative: Bars., kind: bar, table: by_model, x: model, y: model}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack with one section."""
    folder = tmp_path / "own"
    (folder / "reports").mkdir(parents=True)
    (folder / "contracts").mkdir()
    (folder / "pack.yaml").write_text("name: own\nversion: 1.0.0\ntitle: Own\nowner: us\n")
    (folder / "reports" / "latency.yaml").write_text(GOOD)
    return folder


def test_a_section_is_called_as_its_file(pack: Path) -> None:
    (section,) = read_sections(read_pack(pack))
    assert (section.id, section.title, section.order) == ("latency", "Latency", 100)
    assert section.figures["slow"].show == "number"
    assert section.tables["by_model"].shown == 50


def test_the_shipped_sections_can_be_used() -> None:
    assert [one.id for one in read_sections(read_pack(SHIPPED_PACKS / "ai"))] == ["usage"]


@pytest.mark.criterion("006.7")
@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("title: Latency\n", "titel: Latency\n", 1, "did you mean title"),
        ("SELECT 1 FROM fact_generations", "DROP TABLE x", 3, "expected one SELECT"),
        ("SELECT 1 FROM fact_generations", "SELECT 1; SELECT 2", 3, "expected one SELECT"),
        ("SELECT 1 FROM fact_generations", "COPY (SELECT 1) TO 'x'", 3, "expected one SELECT"),
        ("SELECT 1 FROM fact_generations", "FROM read_csv('x')", 3, "table functions"),
        ("SELECT 1 FROM fact_generations", "SELECT getenv('HOME')", 3, "expected"),
        (
            "SELECT 1 FROM fact_generations",
            "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 1 FROM t) FROM t",
            3,
            "sure to end",
        ),
        ("kind: bar", "kind: pie", 7, "expected"),
        ("table: by_model", "table: by_modle", 7, "did you mean by_model"),
        ("alternative: Bars.", "alternative: ''", 7, "expected"),
        ("by_model:", "By-Model:", 5, "expected"),
    ],
)
def test_what_is_none_is_told_with_its_line(
    pack: Path, old: str, new: str, line: int, words: str
) -> None:
    file = pack / "reports" / "latency.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, f'"{new}"' if new[:4] in {"WITH", "SELE", "COPY"} else new))
    with pytest.raises(PackError) as told:
        read_sections(read_pack(pack))
    problems = [str(problem) for problem in told.value.problems]
    assert any(words in problem for problem in problems), problems
    assert any(problem.line == line for problem in told.value.problems)
    assert list(section_problems([read_pack(pack)]))


def test_two_sections_cannot_have_one_table(pack: Path) -> None:
    (pack / "reports" / "other.yaml").write_text(GOOD)
    problems = list(section_problems([read_pack(pack)]))
    assert {problem.found for problem in problems} == {"by_model", "models"}
