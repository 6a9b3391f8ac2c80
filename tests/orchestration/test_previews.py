"""The previews of tables on Dagster's pages, which anybody sees who sees the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from chimera_assets.lake import Lake
from chimera_assets.orchestration.io_manager import commit_metadata

if TYPE_CHECKING:
    from pathlib import Path

PERSON = "alice@example.com"


def test_a_preview_shows_nothing_of_people_in_any_layer(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    row = {"event_id": "e-1", "tenant_id": "acme", "user_id": PERSON, "_unreadable": PERSON}
    shown = {
        "raw/generations": "| e-1 | ••• | ••• | ••• |",
        "staged/generations": "| e-1 | ••• | ••• | ••• |",
        "raw/retired": "| ••• | ••• | ••• | ••• |",
        "marts/fact_of_mine": "| ••• | ••• | ••• | ••• |",
    }
    for name, line in shown.items():
        table = lake.table(*name.split("/"))
        commit = table.overwrite(pl.DataFrame([row]))
        assert commit_metadata(table, commit, None)["preview"].value.splitlines()[-1] == line


def test_a_preview_has_no_links_images_or_markup_of_values(tmp_path: Path) -> None:
    table = Lake(str(tmp_path / "lake")).table("staged", "generations")
    values = {
        "https://evil.example.com/?q=1": "` https://evil.example.com/?q=1 `",
        "[a](//evil.example.com)<img src=x>": "` [a](//evil.example.com)<img src=x> `",
        "a`b``c": "``` a`b``c ```",
        "a|b\nc\u202e": r"` a\|b\u000ac\u202e `",
        "plain": "plain",
    }
    commit = table.overwrite(pl.DataFrame({"model": list(values)}))
    lines = commit_metadata(table, commit, None)["preview"].value.splitlines()[2:]
    assert lines == [f"| {shown} |" for shown in values.values()]
