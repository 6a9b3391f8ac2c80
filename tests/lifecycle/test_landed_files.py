"""A landed file goes or is read again: on the record, and no row of it that a hold keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chimera_assets.audit import Wanted, newest
from chimera_assets.errors import ArgumentError
from chimera_assets.lake import Lake
from chimera_assets.lifecycle.landed_files import reload_file, remove_file
from chimera_assets.lifecycle.legal_holds import place, release
from chimera_assets.sources.landing import Place
from tests.acting import acting, leave
from tests.sources.landing.conftest import Landing, contract, event, json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.lifecycle.legal_holds import Hold

HOUR = datetime(2026, 1, 31, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    yield home
    leave(home)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(str(tmp_path / "landing"), Lake(str(tmp_path / "lake")))


@pytest.fixture
def context(home: Path, landing: Landing) -> AuditedContext:
    contracts = {"generations": contract()}
    return acting(home, landing.lake, datetime.now(UTC), contracts=contracts)


def hold(context: AuditedContext, *, tenant: str | None = None, hour: datetime = HOUR) -> Hold:
    end = hour + timedelta(hours=1)
    return place(
        context, stream="generations", tenant_id=tenant, start=hour, end=end, reason="case 7"
    )


def changes(context: AuditedContext) -> list[tuple[str, str | None]]:
    found = newest(context.audit.database, Wanted(action="landing"), 10)
    return [(one.action, one.reason) for one in found]


def test_only_a_hold_on_rows_of_the_file_keeps_it(
    landing: Landing, context: AuditedContext
) -> None:
    uri = landing.drop("a.jsonl", json_lines([event(1), event(2, tenant_id="globex")]))
    landing.take()
    before = changes(context)
    hold(context, hour=HOUR + timedelta(hours=1))
    hold(context, tenant="initech")
    for held in (hold(context), hold(context, tenant="globex")):
        for _ in range(2):
            with pytest.raises(ArgumentError, match=r"found rows that hold-.* keeps"):
                remove_file(context, contract(), uri, reason="ours no more")
            with pytest.raises(ArgumentError, match=r"found rows that hold-.* keeps"):
                reload_file(context, contract(), uri, Place(landing.root), reason="read wrongly")
        release(context, held.hold_id, reason="settled")
    assert landing.rows()["event_id"].to_list() == ["e-1", "e-2"]
    assert changes(context) == before

    assert reload_file(context, contract(), uri, Place(landing.root), reason="once more").rows == 2
    assert landing.rows()["event_id"].to_list() == ["e-1", "e-2"]
    assert remove_file(context, contract(), uri, reason="ours no more").rows == 2
    assert landing.rows().is_empty()
    assert changes(context)[:2] == [
        ("landing.remove", "ours no more"),
        ("landing.reload", "once more"),
    ]


def test_no_file_goes_without_a_reason(landing: Landing, context: AuditedContext) -> None:
    uri = landing.drop("a.jsonl", json_lines([event(1)]))
    landing.take()
    with pytest.raises(ArgumentError, match="expected words"):
        remove_file(context, contract(), uri, reason=" ")
    assert landing.rows()["event_id"].to_list() == ["e-1"]
