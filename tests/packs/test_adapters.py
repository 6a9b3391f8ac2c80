"""Adapters fit their contracts, or are refused by file and line; a setting chooses them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chimera_assets.cli import run
from chimera_assets.contracts import contracts, load_contracts
from chimera_assets.contracts.active import adapted_contract
from chimera_assets.errors import SettingError
from chimera_assets.packs import active_packs
from chimera_assets.packs.active import SHIPPED_PACKS
from chimera_assets.packs.adapters import read_adapter
from chimera_assets.settings import get_settings
from chimera_assets.yaml_documents import DocumentError
from tests.shipped import SHIPPED as SHIPPED_CONTRACTS

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = Path(__file__).parent / "library"
SHIPPED = sorted(path.stem for path in (SHIPPED_PACKS / "ai" / "adapters").iterdir())


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    _forget()
    yield
    _forget()


def _forget() -> None:
    for cached in (get_settings, active_packs, contracts):
        cached.cache_clear()


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an adapter of an own pack, to be written."""
    shutil.copytree(LIBRARY, tmp_path / "packs" / "library")
    monkeypatch.setenv("CHIMERA_PACKS", "ai,library")
    monkeypatch.setenv("CHIMERA_PACKS_DIR", str(tmp_path / "packs"))
    path = tmp_path / "packs" / "library" / "adapters" / "othertool.yaml"
    path.parent.mkdir()
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_a_setting_says_what_a_stream_is_read_from(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHIMERA_ADAPTERS", name)

    (changed,) = [one for one in contracts().values() if one.adapter is not None]
    assert changed.adapter is not None
    assert changed.adapter.stem == name
    monkeypatch.setenv("CHIMERA_ADAPTERS", "")
    _forget()
    plain = contracts()[changed.stream]
    assert (changed.column_names, changed.key) == (plain.column_names, plain.key)
    assert [column.type for column in changed.columns] == [column.type for column in plain.columns]
    assert run(["contract", "list", "--json"]) == 0
    assert name not in capsys.readouterr().out


HEAD = "title: Another tool\nstream: jailbreak_tests\n"
NEEDED = "line, '' as test_id, '' as timestamp, '' as tenant_id, '' as test_type"


def query(sql: str) -> str:
    return f"{HEAD}fileQuery: {sql.replace('NEEDED', NEEDED)}\n"


MISTAKES = [
    (HEAD + "fileMarks: ['$.a[*].b', '$.a[0]']\n", 3, "paths such as $.calls[*].usage", "$.a[0]"),
    ("title: A\nstream: none\n", 2, "stream: expected one of", "found none"),
    (HEAD + "colums: {}\n", 3, "expected one of columns", "found colums"),
    (HEAD + "columns:\n  ats: {physicalName: a}\n", 4, "column: expected", "found ats"),
    (HEAD + "rules:\n  asr_rate_rang: {max: 2}\n", 4, "rule: expected", "found asr_rate_rang"),
    (HEAD + "rules:\n  asr_rate_range: {most: 2}\n", 4, "parameter of check range", "found most"),
    (HEAD + "rules:\n  test_id_not_null: {max: 2}\n", 4, "severity alone", "found max"),
    (HEAD + "without: [volume, volum]\n", 3, "rule: expected", "found volum"),
    (
        HEAD + "table: t\ncolumns:\n  test_id: {}\n",
        4,
        "every column that has to be known",
        "tenant_id, test_type, created_at",
    ),
    (
        HEAD + "columns:\n  asr_rate: {transformLogic: sum(a)}\n",
        4,
        "transformLogic of column asr_rate",
        "sum()",
    ),
    (query("delete from lines"), 3, "fileQuery: expected one SELECT", "delete from"),
    (query("select 1 as test_id from runs"), 3, "over lines", "found runs"),
    (query("from read_text('/etc/passwd')"), 3, "a SELECT over tables", "read_text"),
    (query("select documnt from lines"), 3, "DuckDB takes", "documnt"),
    (query("select '' as test_id from lines"), 3, "a column for each", "timestamp"),
    (query("select NEEDED, 1 as asr from lines"), 3, "column asr", "found asr"),
    (
        query("select NEEDED, true as iterations from lines"),
        3,
        "type of column iterations",
        "found boolean",
    ),
    (
        query("select NEEDED, now() as created_at from lines"),
        3,
        "the same rows at any time",
        "now()",
    ),
    (
        query("select NEEDED, current_timestamp as created_at from lines"),
        3,
        "the same rows at any time",
        "current_timestamp",
    ),
]


@pytest.mark.parametrize(("text", "line", "expected", "found"), MISTAKES)
def test_mistakes_in_an_adapter_are_reported_by_line(
    tmp_path: Path, text: str, line: int, expected: str, found: str
) -> None:
    path = tmp_path / "othertool.yaml"
    path.write_text(text)

    with pytest.raises(DocumentError) as error:
        adapted_contract(read_adapter(path), load_contracts([SHIPPED_CONTRACTS]))

    problem = error.value.problems[0]
    assert (problem.path, problem.line) == (path, line)
    assert expected in str(problem)
    assert found in str(problem)


def test_the_adapters_of_the_docs_can_be_used_as_they_stand(tmp_path: Path) -> None:
    text = (SHIPPED_PACKS.parents[1] / "docs" / "adapters.md").read_text()
    table, files = (part.partition("```")[0] for part in text.split("```yaml\n")[1:])
    head = "title: Our gateway's log\nstream: generations\n"
    for yaml in (table, head + files):
        path = tmp_path / "gateway.yaml"
        path.write_text(yaml)
        made = adapted_contract(read_adapter(path), load_contracts([SHIPPED_CONTRACTS]))
        assert made.stream == "generations"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            "litelm",
            "othertool, promptfoo, pyrit (did you mean litellm?)",
        ),
        ("litellm,otel", "one adapter of generations, found litellm and otel"),
        ("garak,othertool", "one adapter of jailbreak_tests, found garak and othertool"),
    ],
)
def test_a_setting_that_names_no_adapter_or_two_of_a_stream(
    adapter: Path, monkeypatch: pytest.MonkeyPatch, names: str, said: str
) -> None:
    adapter.write_text(HEAD)
    monkeypatch.setenv("CHIMERA_ADAPTERS", names)

    with pytest.raises(SettingError) as error:
        contracts()
    assert said in str(error.value)


def test_an_own_contract_and_an_adapter_do_not_go_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "jailbreak_tests.odcs.yaml"
    shutil.copy(SHIPPED_PACKS / "ai" / "contracts" / own.name, own)
    monkeypatch.setenv("CHIMERA_CONTRACTS", str(tmp_path))
    monkeypatch.setenv("CHIMERA_ADAPTERS", "garak")

    with pytest.raises(SettingError, match="no adapter of jailbreak_tests, whose contract is"):
        contracts()


def test_a_pack_of_adapters_alone_works_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = tmp_path / "gateway"
    (pack / "adapters").mkdir(parents=True)
    head = "name: gateway\nversion: 0.1.0\ntitle: Our gateway\nowner: platform\nrequires: [ai]\n"
    (pack / "pack.yaml").write_text(head)
    (pack / "adapters" / "gateway_log.yaml").write_text(query("select NEEDED from lines"))
    for name, value in (
        ("PACKS", "ai,gateway"),
        ("PACKS_DIR", tmp_path),
        ("ADAPTERS", "gateway_log"),
    ):
        monkeypatch.setenv(f"CHIMERA_{name}", str(value))

    assert contracts()["jailbreak_tests"].adapter == pack / "adapters" / "gateway_log.yaml"
    assert run(["pack", "check", str(pack)]) == 0
    assert run(["pack", "list"]) == 0
    assert run(["contract", "sources", "--check"]) == 0
    assert run(["contract", "check"]) == 0
    (pack / "contracts").mkdir()
    assert run(["contract", "check"]) == 0


def test_a_file_that_is_no_adapter_has_no_place_among_them(
    adapter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter.with_name("notes.txt").write_text("")

    adapter.write_text(HEAD + "without: [volum]\n")

    assert run(["pack", "check"]) == 1
    said = capsys.readouterr().out
    assert "files NAME.yaml, in the folder itself" in said
    adapter.with_name("notes.txt").unlink()
    assert run(["pack", "check"]) == 1
    assert f"{adapter}:3: rule: expected a rule of jailbreak_tests" in capsys.readouterr().out
