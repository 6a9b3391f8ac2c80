"""What the repository says of its own criteria agrees with the specification and the markers."""

from __future__ import annotations

import re

import pytest

from tests.criteria.catalogue import load
from tests.criteria.page import render
from tests.criteria.plugin import CATALOGUE, NAME, Criteria


def test_the_page_says_what_the_markers_say(request: pytest.FixtureRequest) -> None:
    criteria = request.config.pluginmanager.get_plugin(NAME)
    assert isinstance(criteria, Criteria)

    as_make_criteria_writes_it = render(criteria.catalogue, criteria.proofs)

    assert criteria.page.read_text() == as_make_criteria_writes_it


def test_the_catalogue_has_the_criteria_of_the_specification_and_no_others(
    request: pytest.FixtureRequest,
) -> None:
    root = request.config.rootpath
    tables = root.parent / "shared" / "CRITERIA.md"
    if not tables.exists():
        pytest.skip(f"the specification is not here: {tables}")
    rows = re.findall(r"^\| ([^| ]+) \|", tables.read_text(), re.MULTILINE)
    wanted = [one for one in rows if one != "id"]

    ids = [one for section in load(root / CATALOGUE).values() for one in section]

    # Those of AC-001 to AC-004 stand in the document itself: eight each, without ids.
    built = [f"AC-00{story}.{number}" for story in range(1, 5) for number in range(1, 9)]
    assert ids == built + wanted
