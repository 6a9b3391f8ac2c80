"""The dbt models of packs, by their files: dbt sees them all in one namespace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chimera_assets.layers import AGGREGATES, MARTS, stream_of_fact
from chimera_assets.paths import regular_text
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from chimera_assets.packs.claims import Claim
    from chimera_assets.packs.pack import Pack

#: The folders of `models`, whose names say what kind of table a model makes.
MODEL_FOLDERS = ("staging", "marts", "aggregations")

#: The folders whose models make tables -> the layer of these; those of staging are views.
_LAYER_OF = {"marts": MARTS, "aggregations": AGGREGATES}

#: Where a model says that it is replaced hour by hour.
_HOURLY = re.compile(r"""strategy\s*=\s*["']hours["']""")

#: What a definition is of -> the folder of the model that makes it.
_FOLDER_OF = {"an aggregate": "aggregations", "an order": "marts", "a fact": "marts"}


def model_files(pack: Pack) -> list[Path]:
    """The SQL files of a pack's models, sorted."""
    return sorted(pack.models.rglob("*.sql"))


def made_tables(pack: Pack) -> set[str]:
    """The tables that a pack's models make, `layer/name`."""
    return {
        f"{layer}/{path.stem}"
        for folder, layer in _LAYER_OF.items()
        for path in (pack.models / folder).rglob("*.sql")
    }


def uncompared_models(packs: Iterable[Pack], aggregates: Collection[str]) -> Iterator[Problem]:
    """A warning for each hourly model of aggregations that no `aggregates.yaml` says the sums of.

    Args:
        packs: The packs.
        aggregates: The tables that they say it of. These are compared.
    """
    for pack in packs:
        for path, line, _ in _hourly_models(pack):
            folder = path.relative_to(pack.models).parts[0]
            if folder == _FOLDER_OF["an aggregate"] and path.stem not in aggregates:
                expected = "an entry in aggregates.yaml, without which verify does not compare it"
                yield Problem(path, line, f"aggregate {path.stem}", expected, "none", "warning")


def unbounded_models(packs: Iterable[Pack]) -> Iterator[Problem]:
    """A warning for each hourly model that reads all hours, to make one."""
    for path, line, text in (found for pack in packs for found in _hourly_models(pack)):
        if "run_hours" not in text:
            expected = "where {{ in_run_hours() }}, as it is replaced hour by hour"
            yield Problem(path, line, f"model {path.stem}", expected, "none", "warning")


def _hourly_models(pack: Pack) -> Iterator[tuple[Path, int, str]]:
    """Each model that is replaced hour by hour, the line that says so, and its text."""
    for path in model_files(pack):
        try:
            text = regular_text(path)
        except (OSError, UnicodeDecodeError):
            continue  # of which the check of its SQL tells
        if (found := _HOURLY.search(text)) is not None:
            yield path, 1 + text.count("\n", 0, found.start()), text


def streams_with_facts(packs: Iterable[Pack]) -> frozenset[str]:
    """The streams that have a model of their facts: `fact_<stream>`."""
    streams = (stream_of_fact(path.stem) for pack in packs for path in model_files(pack))
    return frozenset(stream for stream in streams if stream is not None)


def model_problems(packs: Iterable[Pack]) -> Iterator[Problem]:
    """A problem for each model in no folder of a layer, or whose name is another's already.

    dbt itself would build the first in a schema of its own, and reports the second without saying
    whose pack it is.
    """
    claimed: dict[str, Path] = {}
    for pack in packs:
        for path in model_files(pack):
            layer = path.relative_to(pack.models).parts[0]
            if layer not in MODEL_FOLDERS:
                expected = f"models/{', models/'.join(MODEL_FOLDERS)}"
                yield Problem(path, 1, f"folder of model {path.stem}", expected, layer)
            if path.stem in claimed:
                expected = f"a name of its own ({claimed[path.stem]} has it already)"
                yield Problem(path, 1, "model", expected, path.stem)
            claimed.setdefault(path.stem, path)


def unknown_tables(packs: Iterable[Pack], named: Iterable[Claim]) -> Iterator[Problem]:
    """A problem for each table that a definition names and no model of the packs makes."""
    known: dict[str, set[str]] = {folder: set() for folder in MODEL_FOLDERS}
    for pack in packs:
        for path in model_files(pack):
            known.setdefault(path.relative_to(pack.models).parts[0], set()).add(path.stem)
    for one in named:
        folder = _FOLDER_OF.get(one.kind)
        if folder is not None and one.name not in known[folder]:
            expected = f"a model of models/{folder}, {one_of(known[folder], one.name)}"
            yield Problem(one.path, one.line, one.what, expected, one.name)
