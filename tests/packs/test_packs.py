"""Packs are read with file and line, fit together or are refused, and can be begun by a command."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from chimera_assets import naming
from chimera_assets.cli import run
from chimera_assets.contracts import ContractError, contracts, known_contracts
from chimera_assets.contracts.active import pack_contracts
from chimera_assets.errors import SettingError
from chimera_assets.pack_check import pack_problems
from chimera_assets.packs import PackError, active_packs
from chimera_assets.packs.active import SHIPPED_PACKS
from chimera_assets.packs.aggregates import active_order
from chimera_assets.settings import get_settings
from chimera_assets.warehouse.model_check import model_sql_problems
from chimera_assets.warehouse.model_groups import model_groups, models_of_streams
from chimera_assets.yaml_documents import DocumentError
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
LIBRARY = Path(__file__).parent / "library"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    _forget()
    yield
    _forget()


def _forget() -> None:
    for cached in (get_settings, active_packs, contracts):
        cached.cache_clear()


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of own packs with a copy of `library`, which is used beside `ai`."""
    shutil.copytree(LIBRARY, tmp_path / "library")
    monkeypatch.setenv("CHIMERA_PACKS", "ai, library")
    monkeypatch.setenv("CHIMERA_PACKS_DIR", str(tmp_path))
    return tmp_path


def edit(path: Path, old: str, new: str) -> int:
    """Replace a text in a file; the line it is on."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return 1 + text[: text.index(old)].count("\n")


def test_the_packs_that_are_used(places: Path) -> None:
    first, second = active_packs()
    assert (first.name, first.folder) == ("ai", SHIPPED_PACKS / "ai")
    assert (second.name, second.version, second.owner) == ("library", "0.1.0", "lending-desk")
    assert second.folder == places / "library"
    assert {"generations", "loans", "branches"} <= set(contracts())


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("name: library", "name: books", "name of the pack: expected library, as its folder"),
        ("version: 0.1.0", "version: first", "version: expected a semantic version"),
        ("version: 0.1.0", "version: 1", "version: expected a text, found 1"),
        ("owner:", "owners:", "did you mean owner?"),
        ("requires: []", "requires: cinema", "requires: expected a list of packs"),
        ("requires: []", "requires: [cinema]", "required pack: expected cinema in CHIMERA_PACKS"),
        ("title:", "version: 1.0.0\ntitle:", "version: expected the key once"),
    ],
)
def test_mistakes_in_the_pack_file_are_reported_by_line(
    places: Path, old: str, new: str, found: str
) -> None:
    path = places / "library" / "pack.yaml"
    line = edit(path, old, new)
    with pytest.raises(PackError) as refused:
        active_packs()
    words = [str(problem) for problem in refused.value.problems]
    assert any(word.startswith(f"{path}:{line}: ") for word in words) or "owner" in old
    assert any(found in word for word in words), words


def _model_of_ai(library: Path) -> None:
    path = library / "models" / "marts" / "fact_generations.sql"
    path.write_text("select 1 as a")


def _misplaced_model(library: Path) -> None:
    (library / "models" / "mart").mkdir()
    (library / "models" / "mart" / "loans_by_day.sql").write_text("select 1 as a")


def _nothing_in_it(library: Path) -> None:
    shutil.rmtree(library / "contracts")
    shutil.rmtree(library / "models")


def _pipe_as_model(library: Path) -> None:
    os.mkfifo(library / "models" / "marts" / "endless.sql")


def _pipe_as_source(library: Path) -> None:
    (library / "source.sql").unlink()
    os.mkfifo(library / "source.sql")


def _model_of_zeros(library: Path) -> None:
    (library / "models" / "marts" / "endless.sql").symlink_to("/dev/zero")


def _contracts_elsewhere(library: Path) -> None:
    (library / "contracts").rename(library.parent / "elsewhere")
    (library / "contracts").symlink_to(library.parent / "elsewhere")


def _linked_models(library: Path) -> None:
    (library / "models" / "marts" / "more").symlink_to(library / "pages")
    (library / "pages").mkdir()


def _linked_to_itself(library: Path) -> None:
    (library / "source.sql").unlink()
    (library / "source.sql").symlink_to(library / "source.sql")


def _model_in_python(library: Path) -> None:
    (library / "models" / "marts" / "model.py").write_text("def model(dbt, session): ...")


def _contract_by_another_name(library: Path) -> None:
    (library / "contracts" / "terms.yaml").write_text("kind: DataContract")


def _contract_below(library: Path) -> None:
    (library / "contracts" / "more").mkdir()
    (library / "contracts" / "loans.odcs.yaml").rename(
        library / "contracts" / "more" / "loans.odcs.yaml"
    )


def _linked_pack_file(library: Path) -> None:
    secret = library.parent / "secret"
    secret.write_text("a word that nobody may see")
    (library / "pack.yaml").unlink()
    (library / "pack.yaml").symlink_to(secret)


def _folder_by_a_slip(library: Path) -> None:
    (library / "models").rename(library / "model")


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_model_of_ai, "model: expected a name of its own"),
        (_misplaced_model, "expected models/staging, models/marts, models/aggregations"),
        (_nothing_in_it, "pack: expected contracts, adapters, models, analyses or reports beside"),
        (_folder_by_a_slip, "did you mean models?"),
        (_pipe_as_model, "endless.sql:1: file of a pack: expected a file or folder in the pack"),
        (_pipe_as_source, "found something else, as a pipe or a device"),
        (_model_of_zeros, "found a link to /dev/zero"),
        (_contracts_elsewhere, "elsewhere"),
        (_linked_models, "found a link to a folder"),
        (_linked_to_itself, "source.sql:1: file of a pack"),
        (_contract_by_another_name, "contracts: expected files NAME.odcs.yaml"),
        (_contract_below, "contracts: expected files NAME.odcs.yaml, in the folder itself"),
        (_linked_pack_file, "pack.yaml:1: file of a pack: expected a file or folder in the pack"),
        (_model_in_python, "file for dbt: expected a file .sql or .yml or .md, found model.py"),
    ],
)
def test_folders_that_do_not_fit_are_refused(
    places: Path, spoil: Callable[[Path], None], found: str
) -> None:
    spoil(places / "library")
    with pytest.raises(PackError) as refused:
        active_packs()
    assert found in str(refused.value)
    assert "nobody may see" not in "".join(map(str, refused.value.problems))


#: None of them can be a table's name in every engine, or an asset's key.
NO_NAMES = (
    *("ä", "a'b", 'a"b', "{{x}}", "a b", "a\nb", "select", "DIM_X", "dim-x", "con.d", "_x"),
    *("x" * 64, "x" * 205, os.fsdecode(b"\xff")),
)


@pytest.mark.parametrize("place", ["models/marts", "analyses"])
def test_models_that_no_table_can_be_called_after_are_refused(
    places: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (places / "library" / place).mkdir(exist_ok=True)
    files = {places / "library" / place / f"{name}.sql" for name in NO_NAMES}
    for path in files:
        path.write_text("select 1 as a")
    with pytest.raises(PackError) as refused:
        active_packs()
    assert {problem.path for problem in refused.value.problems} == files
    assert run(["pack", "check"]) == 1
    assert len(capsys.readouterr().out.splitlines()) == len(files)


def test_reserved_words_are_duckdbs() -> None:
    words = duckdb.sql(
        "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
    )
    assert {word for (word,) in words.fetchall()} == naming.RESERVED


def test_two_packs_cannot_claim_a_stream_or_an_operational_table(places: Path) -> None:
    path = places / "library" / "contracts" / "loans.odcs.yaml"
    edit(path, "physicalName: desk.loans", "physicalName: generations")
    with pytest.raises(ContractError, match=r"loans\.odcs\.yaml.*expected a table of one pack"):
        contracts()
    shutil.copy(SHIPPED / "provider_health.odcs.yaml", path.parent)
    edit(path, "physicalName: generations", "physicalName: desk.loans")
    with pytest.raises(ContractError, match="one contract a stream"):
        contracts()


@pytest.mark.parametrize(
    ("setting", "value", "found"),
    [
        ("CHIMERA_PACKS", "ai,libary", "did you mean library?"),
        ("CHIMERA_PACKS_DIR", "{}/nowhere", "found {}/nowhere"),
        ("CHIMERA_PACKS_DIR", "{}/library", "which is a pack itself"),
        ("CHIMERA_PACKS_DIR", "{},{}/copy", "{}/copy/library"),
    ],
)
def test_settings_that_name_no_pack_are_refused(
    places: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, found: str
) -> None:
    shutil.copytree(LIBRARY, places / "copy" / "library")
    monkeypatch.setenv(setting, value.replace("{}", str(places)))
    with pytest.raises(SettingError) as refused:
        active_packs()
    assert refused.value.setting == setting
    assert found.replace("{}", str(places)) in str(refused.value)


@pytest.mark.usefixtures("places")
def test_streams_that_run_are_a_setting_and_the_others_stay_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHIMERA_STREAMS", "loans, branches")
    assert list(contracts()) == ["branches", "loans"]
    assert "generations" in known_contracts()
    for asked, words in (
        ("loans,branches,lons", "expected one of .*did you mean loans?"),
        ("loans", "expected branches too, whose values the rules of loans compare with"),
    ):
        monkeypatch.setenv("CHIMERA_STREAMS", asked)
        _forget()
        with pytest.raises(SettingError, match=words):
            contracts()


def test_an_own_contract_takes_the_place_of_a_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "generations.odcs.yaml"
    shutil.copy(SHIPPED / "generations.odcs.yaml", path)
    edit(path, "version: 1.1.0", "version: 1.2.0")
    monkeypatch.setenv("CHIMERA_CONTRACTS", str(tmp_path))
    assert contracts()["generations"].version == "1.2.0"

    assert run(["contract", "list", "--json"]) == 0
    listed = {one["stream"]: one for one in json.loads(capsys.readouterr().out)}
    assert listed["generations"]["replaces"] == str(SHIPPED / "generations.odcs.yaml")
    assert listed["generations"]["pack"] == "ai"
    assert listed["providers"]["replaces"] is None
    assert run(["contract", "check"]) == 0

    shutil.copy(path, tmp_path / "again.odcs.yaml")
    _forget()
    with pytest.raises(ContractError, match="one contract a stream"):
        contracts()


def test_a_new_pack_passes_its_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pack", "new", "greenhouse", "--in", str(tmp_path)]) == 0
    assert "CHIMERA_PACKS=ai,greenhouse" in capsys.readouterr().out
    monkeypatch.setenv("CHIMERA_PACKS", "ai,greenhouse")
    monkeypatch.setenv("CHIMERA_PACKS_DIR", str(tmp_path))
    _forget()
    assert run(["pack", "check"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["pack", "list", "--json"]) == 0
    listed = {one["pack"]: one for one in json.loads(capsys.readouterr().out)}
    assert (listed["greenhouse"]["used"], listed["greenhouse"]["streams"]) == (True, 1)
    assert "greenhouse_events" in contracts()
    assert run(["pack", "new", "greenhouse", "--in", str(tmp_path)]) == 2
    assert f"is in {tmp_path / 'greenhouse'}; nothing was written" in capsys.readouterr().err
    assert run(["pack", "new", "Green-Site", "--in", str(tmp_path)]) == 2


def test_the_first_pack_makes_the_folder_that_is_named_for_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "packs"
    monkeypatch.setenv("CHIMERA_PACKS", "ai,zeb")
    monkeypatch.setenv("CHIMERA_PACKS_DIR", str(place))
    assert run(["pack", "list"]) == 2
    assert f"{place} (which is not there)" in capsys.readouterr().err
    assert run(["pack", "new", "zeb", "--in", str(place)]) == 0
    assert "CHIMERA_PACKS=ai,zeb CHIMERA_PACKS_DIR" in capsys.readouterr().out
    assert run(["pack", "check"]) == 0


def test_a_broken_pack_that_is_not_used_is_listed_and_harms_no_other(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(places / "library", places / "cinema")
    (places / "cinema" / "pack.yaml").write_text("- a list")
    assert run(["pack", "list", "--json"]) == 0
    listed = {one["pack"]: one for one in json.loads(capsys.readouterr().out)}
    assert f"{places / 'cinema' / 'pack.yaml'}:1: pack: expected" in listed["cinema"]["problem"]
    assert (listed["cinema"]["used"], listed["cinema"]["streams"]) == (False, None)
    assert (listed["library"]["problem"], listed["library"]["streams"]) == (None, 2)
    assert run(["pack", "list"]) == 0
    assert "cinema is broken: " in capsys.readouterr().err
    assert run(["pack", "check"]) == run(["contract", "check"]) == 0
    assert {pack.name for pack in active_packs()} == {"ai", "library"}

    monkeypatch.setenv("CHIMERA_PACKS", "ai,cinema")
    _forget()
    with pytest.raises(PackError, match=r"cinema/pack\.yaml:1"):
        active_packs()


def test_the_check_compares_aggregates_with_their_models(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = places / "library" / "aggregates.yaml"
    path.write_text(
        path.read_text().replace("days:", "dais:").replace("share: days", "share: dais")
    )
    assert run(["pack", "check"]) == 1
    found = f"error: {path}:5: column of agg_loans: expected one of "
    (error,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith(found)]
    assert error.endswith("(did you mean days?), found dais")


def test_what_nothing_reads_yet_is_a_warning(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("pages", "policies"):
        (places / "library" / name).mkdir()
    assert run(["pack", "check"]) == 0
    out = capsys.readouterr().out
    for name in ("pages", "policies"):
        assert f"warning: {places / 'library' / name}:1: part of a pack: expected nothing" in out


def test_own_packs_are_found_from_the_working_directory(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(places.parent)
    monkeypatch.setenv("CHIMERA_PACKS_DIR", places.name)
    assert active_packs()[1].folder == places / "library"
    monkeypatch.chdir("/")
    assert active_packs()[1].folder == places / "library"  # once read, it stays


def test_the_check_reports_every_problem(places: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contract = places / "library" / "contracts" / "loans.odcs.yaml"
    first = edit(contract, "check: references", "check: refrences")
    second = edit(places / "library" / "pack.yaml", "requires: []", "requires: [cinema]")
    assert run(["pack", "check"]) == 1
    out = capsys.readouterr().out
    assert f"error: {contract}:{first}: " in out
    assert f"error: {places / 'library' / 'pack.yaml'}:{second}: required pack" in out


@pytest.mark.parametrize(
    ("slip", "found"),
    [
        (("aggregates.yaml", "table: agg_loans", "table: agg_loan"), "(did you mean agg_loans?)"),
        (
            ("aggregates.yaml", "FROM fact_loans", "FROM fact_loan"),
            "facts of the aggregate, one of fact_loans (did you mean fact_loans?)",
        ),
        (
            ("aggregates.yaml", "  fact_loans:", "  fact_loan:"),
            "order_by: expected a model of",
        ),
        (
            ("aggregates.yaml", "  fact_loans:", "  fact_generations:"),
            ".yaml:6 has it already",
        ),
        (("aggregates.yaml", "agg_loans", "agg_provider_metrics"), "an aggregate defined once"),
        (("aggregates.yaml", "library_loans:", "chimera_hour_tokens:"), "a metric defined once"),
        (("aggregates.yaml", "library_loans:", "chimera_dag_hours:"), "no metric of the platform"),
        (("aggregates.yaml", "COUNT(*)", "COUNT("), "loans: expected a SELECT that DuckDB knows"),
        (("traffic.yaml", "  loans:", "  loan:"), "streams: expected a stream with a contract"),
        (("traffic.yaml", "[branches]", "[terms]"), "reference: expected a stream with a contract"),
        (("traffic.yaml", "by: desk}", "by: disk}"), "(did you mean desk?)"),
    ],
)
def test_the_check_reads_aggregates_and_traffic(
    places: Path, capsys: pytest.CaptureFixture[str], slip: tuple[str, str, str], found: str
) -> None:
    file, old, new = slip
    path = places / "library" / file
    line = edit(path, old, new)
    assert run(["pack", "check"]) == 1
    printed = capsys.readouterr()
    (reported,) = [one for one in printed.out.splitlines() if one[:5] == "error"]
    assert printed.err.splitlines()[-1].startswith("1 error, ")
    assert reported.startswith(f"error: {path}:{line}: ")
    assert found in reported


def _metric_of_the_platform(library: Path) -> None:
    edit(library / "aggregates.yaml", "library_loans:", "delta_lake_row_count:")


def _measure_of_no_sql(library: Path) -> None:
    edit(library / "aggregates.yaml", "COUNT(*)", "COUNT(")


def _stream_of_another(library: Path) -> None:
    shutil.copy(SHIPPED / "provider_health.odcs.yaml", library / "contracts")


def _model_of_no_sql(library: Path) -> None:
    (library / "models" / "marts" / "dim_terms.sql").write_text("select from")


@pytest.mark.parametrize(
    "spoil", [_metric_of_the_platform, _measure_of_no_sql, _stream_of_another, _model_of_no_sql]
)
def test_what_the_load_refuses_the_check_tells_in_the_same_words(
    places: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(places / "library")
    with pytest.raises(DocumentError) as refused:
        _load()
    assert set(refused.value.problems) <= set(pack_problems([places / "library"]))


def _load() -> None:
    """All that is read of packs before the first run."""
    active_order()
    known = [one for _, found in pack_contracts(active_packs()) for one in found.values()]
    if problems := model_sql_problems(active_packs(), known):
        raise PackError(problems)


def test_models_that_read_the_same_streams_are_built_together() -> None:
    """Views on a and b, facts of each, one of both, and a table that is no stream."""
    reads = {
        "stg_a": ["source.p.staged.a"],
        "stg_b": ["source.p.staged.b"],
        "stg_r": ["source.p.staged.r"],
        "fact_a": ["model.p.stg_a"],
        "fact_b": ["model.p.stg_b"],
        "dim_r": ["model.p.stg_r"],
        "both": ["model.p.fact_a", "model.p.fact_b"],
    }
    tests = {"test.p.known": ("fact_a", ["model.p.fact_a", "model.p.dim_r"])}
    manifest = _manifest(reads, tests)

    groups = {one.name: sorted(one.models) for one in model_groups(manifest, "abr", "r")}
    assert groups == {
        "warehouse_a": ["model.p.dim_r", "model.p.fact_a", "model.p.stg_a", "model.p.stg_r"],
        "warehouse_b": ["model.p.fact_b", "model.p.stg_b"],
        "warehouse_a_b": ["model.p.both"],
    }
    staged = {one.name: one.staged for one in model_groups(manifest, "abr", "r")}
    assert staged == {
        "warehouse_a": set("ar"), "warehouse_b": {"b"}, "warehouse_a_b": set("ab"),
    }  # fmt: skip
    off = {one.name: sorted(one.models) for one in model_groups(manifest, "ar", "r")}
    assert "model.p.both" in off["warehouse_a"]
    assert not any("_b" in model for models in off.values() for model in models)

    # A test of a fact with what is made of it would make two steps wait for each other.
    circle = _manifest(reads, {"test.p.same": ("fact_a", ["model.p.fact_a", "model.p.both"])})
    joined = {name for one in model_groups(circle, "abr", "r") for name in [one.name]}
    assert joined == {"warehouse_a_b", "warehouse_b", "warehouse_r"}


def test_models_of_streams_have_hours_through_views_dimensions_and_whole_tables() -> None:
    reads = {
        "stg_a": ["source.p.staged.a"],
        "stg_r": ["source.p.staged.r"],
        "dim_r": ["model.p.stg_r"],
        "dim_a": ["model.p.stg_a", "model.p.dim_r"],
        "named_a": ["model.p.dim_a"],
        "agg_a": ["model.p.named_a"],
        "per_hour_r": ["model.p.stg_r"],
    }
    manifest = _manifest(reads, {})
    strategies = {"dim_a": "merge", "dim_r": "merge", "per_hour_r": "hours"}
    manifest["nodes"] = {
        f"model.p.{name}": {"config": {"strategy": strategies.get(name)}} for name in reads
    }

    hourly = {model.rpartition(".")[2] for model in models_of_streams(manifest, "ab")}

    assert hourly == {"stg_a", "dim_a", "named_a", "agg_a", "per_hour_r"}


def _manifest(
    reads: dict[str, list[str]], tests: dict[str, tuple[str, list[str]]]
) -> dict[str, object]:
    nodes: dict[str, object] = {
        name: {
            "resource_type": "test",
            "attached_node": f"model.p.{home}",
            "depends_on": {"nodes": parents},
        }
        for name, (home, parents) in tests.items()
    }
    parent_map = {f"model.p.{name}": parents for name, parents in reads.items()}
    return {"nodes": nodes, "parent_map": parent_map | {n: p for n, (_, p) in tests.items()}}
