"""What there is to set, to type and to write is documented, and what is documented is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from chimera_assets.cli import app
from chimera_assets.contracts import load_contract
from chimera_assets.contracts.lint import lint
from chimera_assets.contracts.odcs.sla import CUSTOM
from chimera_assets.contracts.odcs.standard_metrics import METRICS
from chimera_assets.contracts.rules.batch_checks import BATCH_CHECKS
from chimera_assets.contracts.rules.row_checks import ROW_CHECKS
from chimera_assets.settings import PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}
#: Read where our settings are not: by dbt, from its own files.
OF_DBT = {"CHIMERA_DUCKDB_MEMORY_LIMIT", "CHIMERA_DBT_START_HOUR", "CHIMERA_DBT_END_HOUR"}


def commands(command: Any, *path: str) -> Iterator[tuple[str, set[str]]]:
    """Every command that does something, as it is typed, with its long options."""
    below = getattr(command, "commands", None)
    if below is None:
        options = (name for parameter in command.params for name in parameter.opts)
        yield " ".join(path), {name for name in options if name.startswith("--")} - {"--help"}
        return
    for name, inner in below.items():
        yield from commands(inner, *path, name)


COMMANDS = dict(commands(typer.main.get_command(app), "chimera"))


def rows(page: str) -> dict[str, str]:
    """The rows of a page's tables, by what stands in backticks in their first cell."""
    found: dict[str, str] = {}
    for line in (ROOT / "docs" / page).read_text().splitlines():
        if line.startswith("| `"):
            for name in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
                found[name] = line
    return found


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_every_setting_is_reported(setting: str) -> None:
    assert setting in rows("settings.md")


def test_no_page_tells_a_setting_that_is_not_there() -> None:
    reported = {
        name for page in PAGES for name in re.findall(r"\bCHIMERA_[A-Z_]+", page.read_text())
    }
    assert reported <= SETTINGS | OF_DBT


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_reported_with_its_options(command: str) -> None:
    reported = rows("commands.md")[command]
    assert {name for name in COMMANDS[command] if f"`{name}`" not in reported} == set()


def test_no_page_tells_a_command_that_is_not_there() -> None:
    groups = {name.rsplit(" ", 1)[0] for name in COMMANDS}
    for page in PAGES:
        for typed in re.findall(r"[`/ ](chimera(?: [a-z]+)+)", page.read_text()):
            words = typed.split()
            known = {" ".join(words[:2]), " ".join(words[:3])} & set(COMMANDS)
            assert known or " ".join(words[:2]) in groups - {"chimera"}, f"{page.name}: {typed}"


@pytest.mark.parametrize(
    "name",
    [*ROW_CHECKS, *METRICS, *(name for name, check in BATCH_CHECKS.items() if check.custom)],
)
def test_every_rule_is_reported(name: str) -> None:
    assert name in rows("contracts.md")


@pytest.mark.parametrize("name", sorted(CUSTOM))
def test_every_term_of_a_contract_is_reported(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/contracts.md").read_text()


def test_the_contract_of_the_docs_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs/contracts.md").read_text()
    path = tmp_path / "orders.odcs.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0])

    contract = load_contract(path)

    assert lint([tmp_path]) == []
    assert contract.stream == "orders"
    assert {rule.name for rule in contract.rules} >= {"total_range", "shipping_within_total"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []
