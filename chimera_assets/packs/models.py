"""The dbt models of packs, by their files: dbt sees them all in one namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.layers import stream_of_fact
from chimera_assets.yaml_documents import Problem, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from chimera_assets.packs.claims import Claim
    from chimera_assets.packs.pack import Pack

#: The folders of `models`, whose names say what kind of table a model makes.
MODEL_FOLDERS = ("staging", "marts", "aggregations")

#: What a definition is of -> the folder of the model that makes it.
_FOLDER_OF = {"an aggregate": "aggregations", "an order": "marts", "a fact": "marts"}


def model_files(pack: Pack) -> list[Path]:
    """The SQL files of a pack's models, sorted."""
    return sorted(pack.models.rglob("*.sql"))


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
