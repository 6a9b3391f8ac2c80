"""Who changed what, as `chimera audit list` shows it after somebody typed commands."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import psycopg
import pytest

from chimera_assets.access.principal import Principal, os_user
from chimera_assets.audit import Entry
from chimera_assets.audit.guards import weaknesses
from chimera_assets.commands.audit import _cells
from chimera_assets.contracts import contracts
from chimera_assets.postgres.address import describe
from chimera_assets.postgres.databases import platform_database
from chimera_assets.postgres.embedded.server import embedded_server
from chimera_assets.settings import get_settings
from tests.cli.conftest import HOURS, NEGATIVE, one_line
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    from chimera_assets.lake import Lake
    from tests.cli.conftest import Chimera

TABLE = "raw/generations"

#: What the session of tests sets, and a user does not.
OF_TESTS = {"CHIMERA_POSTGRES_DIR"}


def entries(chimera: Chimera, *options: str) -> list[dict[str, Any]]:
    said = chimera("audit", "list", "--json", "--limit", "100", *options)
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = json.loads(said.out)
    return found


def by_hand(chimera: Chimera, *options: str) -> list[dict[str, Any]]:
    """The entries but for those of settings and contracts, which the first command notices."""
    every = entries(chimera, *options)
    return [one for one in every if one["action"] not in {"setting.change", "contract.change"}]


def test_a_look_at_a_house_where_nothing_was_done_starts_nothing(
    chimera: Chimera, home: Path
) -> None:
    assert chimera("audit", "list").out == "No entries.\n"
    assert json.loads(chimera("audit", "list", "--json").out) == []
    assert not (home / "postgres").exists()


def test_runs_that_are_off_the_record_are_said_to_be(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", "postgresql://ann@127.0.0.1:1/none")
    for command in (("audit", "list"), ("status",)):
        said = chimera(*command)
        assert said.code == 0
        assert "not on the record: set CHIMERA_DATABASE_URL" in said.err


@pytest.mark.usefixtures("platform", "lake_of_four_hours")
def test_whoever_looks_at_personal_values_is_on_the_record(chimera: Chimera) -> None:
    looks = [("table", "read", TABLE, "--format", "csv"), ("quarantine", "show", NEGATIVE)]
    for look in looks:
        said = chimera(*look, "--reveal")
        assert said.code == 0, said.err
        assert "alice@example.com" in said.out

    quarantine, table = by_hand(chimera, "--action", "rows.reveal")
    assert table["actor"]["name"] == os_user()
    assert (table["resource"], quarantine["resource"]) == (TABLE, "quarantine/generations")
    assert "user_id" in table["after"]["columns"]
    assert quarantine["after"]["columns"] == ["user_id"]

    # Where there is nothing to reveal, there is nothing to record.
    assert chimera("table", "read", TABLE, "--columns", "model", "--reveal").code == 0
    assert len(by_hand(chimera, "--action", "rows.reveal")) == len(looks)


@pytest.mark.usefixtures("lake_of_four_hours")
def test_no_personal_value_is_shown_off_the_record(
    chimera: Chimera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHIMERA_DATABASE_URL", "postgresql://ann@127.0.0.1:1/none")
    said = chimera("table", "read", TABLE, "--reveal")
    assert (said.code, said.out) == (2, "")
    assert "could not be written" in said.err


@pytest.mark.usefixtures("platform")
def test_every_command_that_changes_something_says_so(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    quarantine = lake_of_four_hours.table("quarantine", "generations")
    old = datetime.now(UTC) - timedelta(days=30)
    quarantine.write_hours(quarantine.read().collect().with_columns(first_seen=pl.lit(old)), HOURS)
    typed = [
        ("hold", "add", "--stream", "generations", "--tenant", "acme", "--reason", "case 7"),
        ("quarantine", "purge"),
        ("table", "optimize", TABLE),
        ("table", "vacuum", TABLE, "--days", "8"),
        ("table", "restore", TABLE, "--as-of", "0", "--yes"),
    ]
    for command in typed:
        assert chimera(*command).code == 0
    hold = by_hand(chimera, "--action", "hold")[0]["resource"]
    said = chimera("hold", "release", hold, "--reason", "settled", "--by", "counsel")
    assert said.code == 0, said.err
    assert chimera("quarantine", "purge", "--older-than-days", "1").code == 0
    assert chimera("upkeep").code == 0

    found = [one for one in by_hand(chimera) if one["action"] != "key.add"]
    assert [one["action"] for one in reversed(found)][:5] == [
        "hold.add",
        "table.optimize",  # the purge before it found every row held
        "table.vacuum",
        "table.restore",
        "hold.release",
    ]
    assert {one["action"] for one in found} >= {"quarantine.purge", "retention.delete"}
    added, released = (by_hand(chimera, "--action", f"hold.{one}")[0] for one in ("add", "release"))
    assert added["actor"]["kind"] == "os_user"
    assert added["actor"]["name"] == os_user()
    assert added["after"]["tenant_id"] == "acme"
    assert added["reason"] == "case 7"
    assert (released["actor"]["name"], released["actor"]["stated_by"]) == ("counsel", os_user())
    (purged,) = by_hand(chimera, "--action", "quarantine.purge")
    assert purged["after"]["rows"] == 22
    assert purged["after"]["rules"]["tokens_used_range"] == 20
    restored = by_hand(chimera, "--resource", TABLE, "--action", "table.restore")
    assert restored[0]["after"] == {"as_of_version": 0}
    # What a run wrote into a table's log leads to its entry.
    assert quarantine.history(1)[0]["run"] == purged["run_id"]
    numbers = [one["sequence"] for one in found]
    assert numbers == sorted(numbers, reverse=True)
    assert "alice@example.com" not in json.dumps(found)

    shown = chimera("audit", "list", "--actor", "counsel")
    assert "hold.release" in shown.out
    assert f"counsel (stated by {os_user()})" in shown.out
    assert "hold.add" not in shown.out
    for filter_, reported in (
        (
            ("--action", "hold.ad"),
            "--action: no entry has hold.ad; expected one of contract.",
        ),
        (("--actor", "counsl"), "(did you mean counsel?)"),
        (("--resource", "raw/generation_s"), f"(did you mean {TABLE}?)"),
        (("--actor", "counsel", "--action", "hold.add"), "but no entry has all of them"),
    ):
        missed = chimera("audit", "list", *filter_)
        assert (missed.code, missed.out) == (0, "No entries.\n")
        assert reported in missed.err
    # What is printed of an actor finds the entry again.
    whole = by_hand(chimera, "--actor", f"counsel (stated by {os_user()})")
    assert [one["action"] for one in whole] == ["hold.release"]
    assert "--limit shows more" in chimera("audit", "list", "--limit", "1").err


def test_what_changes_the_operational_database_is_on_the_record(
    chimera: Chimera, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHIMERA_SOURCE_DATABASE_URL", platform)
    get_settings.cache_clear()
    hours = ("--start", "2026-01-30T00", "--end", "2026-01-30T02", "--rows-per-hour", "5")
    assert chimera("source", "init").code == 0
    assert chimera("source", "simulate", *hours).code == 0

    filled, *made = by_hand(chimera, "--action", "source")
    assert [one["action"] for one in made] == ["source.init", "source.init"]
    assert filled["action"] == "source.simulate"
    assert filled["after"]["rows_per_hour"] == 5
    assert filled["actor"]["name"] == os_user()
    assert filled["resource"] == describe(platform)


@pytest.mark.usefixtures("platform")
def test_what_only_looks_says_nothing(chimera: Chimera, lake_of_four_hours: Lake) -> None:
    assert lake_of_four_hours.tables()
    for command in (
        ("upkeep", "--dry-run"),
        ("quarantine", "purge", "--dry-run"),
        ("quarantine", "list"),
        ("table", "vacuum", TABLE, "--dry-run"),
        ("hold", "list"),
        ("status",),
    ):
        assert chimera(*command).code == 0
    assert entries(chimera) == []


@pytest.mark.usefixtures("platform")
def test_a_change_that_fails_is_said_to_have_failed(
    chimera: Chimera, lake_of_four_hours: Lake
) -> None:
    assert lake_of_four_hours.tables()
    assert "no version 99" in one_line(chimera("table", "restore", TABLE, "--as-of", "99", "--yes"))

    failed, tried = by_hand(chimera)
    assert failed["failure_of"] == tried["sequence"]
    assert tried["failure_of"] is None
    assert (failed["action"], failed["resource"]) == ("table.restore", TABLE)
    assert set(failed["after"]) == {"failed"}
    assert f"of entry {tried['sequence']} failed" in chimera("audit", "list").out


@pytest.mark.usefixtures("platform")
def test_upkeep_changes_no_table_without_an_entry(
    chimera: Chimera, lake_of_four_hours: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract whose older versions are to be kept for longer; nothing else is to be done."""
    table = lake_of_four_hours.table("raw", "providers")
    upkeep = ("upkeep", "--table", "raw/providers")

    def said_by_upkeep() -> list[dict[str, Any]]:
        known = {one["sequence"] for one in entries(chimera)}
        assert chimera(*upkeep).code == 0
        found = by_hand(chimera, "--resource", "raw/providers")
        return [one for one in found if one["sequence"] not in known]

    said_by_upkeep()
    version = table.version()
    assert said_by_upkeep() == []
    assert table.version() == version

    text = (SHIPPED / "providers.odcs.yaml").read_text()
    longer = text.replace("property: vacuumDays, value: 7", "property: vacuumDays, value: 45")
    (tmp_path / "providers.odcs.yaml").write_text(longer)
    monkeypatch.setenv("CHIMERA_CONTRACTS", str(tmp_path))
    for cached in (get_settings, contracts):
        cached.cache_clear()
    (entry,) = said_by_upkeep()
    assert entry["action"] == "table.upkeep"
    assert entry["before"]["version"] == version
    assert entry["after"]["properties"]["delta.logRetentionDuration"] == "interval 45 days"
    assert table.version() == version + 1
    assert said_by_upkeep() == []


def test_nothing_is_changed_where_it_cannot_be_written_down(
    chimera: Chimera, lake_of_four_hours: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHIMERA_DATABASE_URL", "postgresql://nobody:s3cr3t@127.0.0.1:1/none")
    get_settings.cache_clear()
    table = lake_of_four_hours.table("raw", "generations")
    before = table.version()
    for command in (
        ("table", "restore", TABLE, "--as-of", "0", "--yes"),
        ("table", "optimize", TABLE),
        ("table", "vacuum", TABLE),
        ("hold", "add", "--all", "--reason", "case 7"),
        ("quarantine", "purge"),
        ("upkeep",),
    ):
        said = one_line(chimera(*command))
        assert "not done, as the audit log could not be written" in said
        assert "CHIMERA_DATABASE_URL" in said
        assert "s3cr3t" not in said
    assert table.version() == before
    assert not lake_of_four_hours.table("quality", "legal_holds").exists()


def test_an_entry_that_is_refused_after_the_start_leaves_the_table_alone(
    chimera: Chimera, lake_of_four_hours: Lake, platform: str
) -> None:
    assert chimera("table", "optimize", TABLE).code == 0
    with psycopg.connect(platform) as connection:
        connection.execute(
            "ALTER TABLE audit.entries ADD CONSTRAINT full_up CHECK (false) NOT VALID"
        )
    before = lake_of_four_hours.table("raw", "generations").version()

    assert "not done" in one_line(chimera("table", "optimize", TABLE))
    said = chimera("upkeep")

    assert said.code == 1
    assert "not done, as the audit log could not be written" in said.err
    assert lake_of_four_hours.table("raw", "generations").version() == before


def test_an_entry_that_the_database_drops_in_silence_is_no_entry(
    chimera: Chimera, lake_of_four_hours: Lake, platform: str
) -> None:
    assert chimera("table", "optimize", TABLE).code == 0
    with psycopg.connect(platform) as connection:
        connection.execute(
            "CREATE FUNCTION public.drop_it() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RETURN NULL; END'"
        )
        connection.execute(
            "CREATE TRIGGER drops BEFORE INSERT ON audit.entries"
            " FOR EACH ROW EXECUTE FUNCTION public.drop_it()"
        )

    assert "found none" in one_line(chimera("hold", "add", "--all", "--reason", "a case"))
    assert not lake_of_four_hours.table("quality", "legal_holds").exists()


def appended(connection: psycopg.Connection[Any], **said: object) -> None:
    """An entry, as somebody with the application's login can add one."""
    entry = {
        "actor_kind": "system",
        "actor_name": "x",
        "actor_origin": "y",
        "action": "z",
        "resource": "r",
        "details": "{}",
    } | said
    connection.execute("SELECT audit.append(%s::jsonb)", (json.dumps([entry]),))


def test_an_entry_that_no_reader_could_show_is_refused(chimera: Chimera, platform: str) -> None:
    assert chimera("hold", "add", "--all", "--reason", "a case").code == 0
    refusals = (
        psycopg.errors.CheckViolation,
        psycopg.errors.NotNullViolation,
        psycopg.errors.InvalidTextRepresentation,
    )
    details = ("5", "{", '{"before": 5}', '{"after": []}', '{"reason": {}}', None)
    for said in ({"actor_kind": "robot"}, *({"details": one} for one in details)):
        with psycopg.connect(platform) as connection, pytest.raises(refusals):
            appended(connection, **said)


def test_a_changed_contract_or_setting_is_noticed_by_the_next_command(
    chimera: Chimera,
    lake_of_four_hours: Lake,
    platform: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert lake_of_four_hours.tables()
    own = tmp_path / "contracts"
    own.mkdir()
    text = (SHIPPED / "generations.odcs.yaml").read_text().replace("generations", "orders")
    (own / "orders.odcs.yaml").write_text(text)

    def next_command(**settings: str | None) -> list[dict[str, Any]]:
        seen = entries(chimera)
        for name, value in settings.items():
            if value is None:
                monkeypatch.delenv(f"CHIMERA_{name}")
            else:
                monkeypatch.setenv(f"CHIMERA_{name}", value)
        for cached in (get_settings, contracts):
            cached.cache_clear()
        for _ in range(2):  # the second has nothing to notice
            assert chimera("table", "optimize", TABLE).code == 0
        found = [
            one for one in entries(chimera) if one["sequence"] not in {e["sequence"] for e in seen}
        ]
        return [one for one in found if one["action"].endswith(".change")]

    first = next_command()
    known = {one["resource"]: one["after"] for one in first}
    assert set(contracts()) | {"CHIMERA_HOME", "CHIMERA_DATABASE_URL"} == set(known) - OF_TESTS
    assert set(known["generations"]) == {"version", "sha256"}
    assert known["CHIMERA_DATABASE_URL"]["value"] == "changed"

    added = {
        one["resource"]: one for one in next_command(CONTRACTS=str(own), EXECUTOR="multiprocess")
    }
    assert set(added) == {"orders", "CHIMERA_CONTRACTS", "CHIMERA_EXECUTOR"}
    assert added["orders"]["before"] is None
    assert added["CHIMERA_EXECUTOR"]["after"] == {"value": "multiprocess"}

    version = contracts()["orders"].version
    (own / "orders.odcs.yaml").write_text(text.replace(f"version: {version}", "version: 9.0.0"))
    changed = {one["resource"]: one for one in next_command(EXECUTOR=None)}
    assert set(changed) == {"orders", "CHIMERA_EXECUTOR"}
    assert changed["orders"]["before"]["version"] == version
    assert changed["orders"]["after"]["version"] == "9.0.0"
    assert changed["CHIMERA_EXECUTOR"]["after"] is None

    secret = "postgresql://me:first-s3cr3t@127.0.0.1:1/x"  # noqa: S105
    (one,) = next_command(SOURCE_DATABASE_URL=secret)
    assert (one["before"], one["after"]["value"]) == (None, "changed")
    (one,) = next_command(SOURCE_DATABASE_URL=secret.replace("first", "second"))
    assert one["resource"] == "CHIMERA_SOURCE_DATABASE_URL"
    with psycopg.connect(platform) as connection:
        # Only another entry, which is seen, changes what counts as a change.
        for name in ("CHIMERA_DATABASE_URL", "CHIMERA_HOME"):
            spoilt_seal = '{"after": {"seal": "x", "value": "x"}}'
            appended(connection, action="setting.change", resource=name, details=spoilt_seal)
    spoilt = {one["resource"]: one for one in next_command() if one["reason"] == "noticed"}
    assert set(spoilt) == {"CHIMERA_DATABASE_URL", "CHIMERA_HOME"}
    with psycopg.connect(platform) as connection:
        kept = connection.execute(
            "SELECT e::text, d::text FROM audit.entries e JOIN audit.details d USING (sequence)"
        ).fetchall()
    assert "s3cr3t" not in str(kept)
    shutil.rmtree(own)


def test_one_login_is_said_by_status(chimera: Chimera, platform: str) -> None:
    assert platform
    said = chimera("status")
    assert said.code == 0
    assert "owns the audit log's table" in said.err
    assert "docs/audit.md" in said.err


def test_the_embedded_server_has_two_logins(
    chimera: Chimera, lake_of_four_hours: Lake, home: Path
) -> None:
    assert lake_of_four_hours.tables()
    assert chimera("table", "optimize", TABLE).code == 0
    assert (home / "postgres" / "passwords.json").exists()
    assert weaknesses(platform_database(get_settings())) == ()
    assert "audit log's table" not in chimera("status").err
    embedded_server(get_settings()).release()


def test_details_are_shown_in_words() -> None:
    after: dict[str, Any] = {"columns": ["user_id", "ip"], "rules": {"range": 2}, "dry": False}
    entry = Entry(
        1, datetime.now(UTC), Principal.of_system("a"), "a", "b", None, after, *[None] * 3
    )
    assert _cells(entry)[-2] == "columns user_id; ip, rules range 2, dry no"


def test_a_long_reason_is_shown_by_its_beginning() -> None:
    who = Principal.of_system("a test")
    entry = Entry(1, datetime.now(UTC), who, "a", "b", None, None, "why " * 999, None, None)
    assert len(str(_cells(entry)[-1])) == 300
