"""Which models are built together: those that read the same streams.

Each group is a step of the run, so that a stream whose hour cannot be extracted or is blocked stops
only what is made of it, while the facts of other streams are built. A model of two streams needs
both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import permutations
from typing import TYPE_CHECKING, Any

from chimera_assets.contracts import contracts, known_contracts
from chimera_assets.warehouse.dbt_project import manifest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_LONGEST_NAME = 60

#: What a group's models read: its streams, or its reference tables if it reads no stream.
Reads = frozenset[str]

#: (a model, a model that has to be there before it or before one of its tests)
Needs = set[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ModelGroup:
    """Models that are built in one step.

    Attributes:
        reads: The running streams that its models read, or reference tables if none reads a
            stream; sorted.
        models: dbt's ids of the models.
        tests: dbt's ids of their data tests.
        staged: All running streams and reference tables that its models and tests read.
    """

    reads: tuple[str, ...]
    models: frozenset[str]
    tests: frozenset[str]
    staged: frozenset[str]

    @property
    def name(self) -> str:
        """The name of its step."""
        name = "_".join(("warehouse", *self.reads))
        if len(name) <= _LONGEST_NAME:
            return name
        return f"{name[: _LONGEST_NAME - 9]}_{sha256(name.encode()).hexdigest()[:8]}"


@lru_cache(maxsize=1)
def active_groups() -> tuple[ModelGroup, ...]:
    """The groups of the models of this process's packs and streams."""
    known = known_contracts()
    references = [name for name, one in known.items() if one.kind == "reference"]
    return tuple(model_groups(manifest(), contracts(), references))


@lru_cache(maxsize=1)
def hourly_models() -> frozenset[str]:
    """The models that run hour by hour, of this process's packs."""
    streams = [name for name, one in known_contracts().items() if one.kind == "stream"]
    return frozenset(models_of_streams(manifest(), streams))


def models_of_streams(parsed: Mapping[str, Any], streams: Collection[str]) -> Iterator[str]:
    """The models that are made from a stream, through whatever other models.

    Views and dimensions are among them: Dagster's backfills follow an hour from asset to asset, and
    lose it at one without hours. So is a model that says itself that it is replaced by the hour.

    Args:
        parsed: dbt's manifest.
        streams: The streams; the other sources are reference tables.
    """
    parents = parsed["parent_map"]
    for model in (id_ for id_ in parents if id_.startswith("model.")):
        by_hour = parsed["nodes"][model]["config"].get("strategy") == "hours"
        if by_hour or _sources(model, parents) & set(streams):
            yield model


def model_groups(
    parsed: Mapping[str, Any], running: Collection[str], references: Collection[str]
) -> list[ModelGroup]:
    """The groups of a project's models; a model of nothing but streams that are off is in none.

    Models of reference tables alone are a group of their own, or part of the only group that needs
    them: dbt takes half a second to start.

    Args:
        parsed: dbt's manifest.
        running: The streams, reference tables among them, that run.
        references: The reference tables among all streams.
    """
    parents = parsed["parent_map"]
    group: dict[str, Reads] = {}
    for model in (id_ for id_ in parents if id_.startswith("model.")):
        sources = _sources(model, parents)
        read = (sources - set(references)) or sources
        if not read or read & set(running):
            group[model] = read & set(running)
    tests = {id_: home for id_, home in _tests(parsed).items() if home in group}
    needs: Needs = {(model, need) for model in group for need in parents[model] if need in group}
    needs |= {(home, need) for id_, home in tests.items() for need in parents[id_] if need in group}
    _join_references(group, needs, set(references))
    _join_circles(group, needs)
    found = []
    for read in sorted(set(group.values()), key=sorted):
        models = frozenset(model for model in group if group[model] == read)
        about = frozenset(id_ for id_, home in tests.items() if group[home] == read)
        staged = frozenset().union(*(_sources(node, parents) for node in models | about))
        found.append(ModelGroup(tuple(sorted(read)), models, about, staged & set(running)))
    return found


def _sources(node: str, parents: Mapping[str, list[str]]) -> Reads:
    """The staged tables that a node is made from, in the end."""
    if node.startswith("source."):
        return frozenset([node.rpartition(".")[2]])
    return frozenset().union(*(_sources(parent, parents) for parent in parents.get(node, ())))


def _tests(parsed: Mapping[str, Any]) -> dict[str, str]:
    """Data test -> the model it is about."""
    found = {}
    for id_, node in parsed["nodes"].items():
        if node["resource_type"] == "test":
            models = [
                parent for parent in node["depends_on"]["nodes"] if parent.startswith("model.")
            ]
            found[id_] = node.get("attached_node") or (models[0] if models else "")
    return found


def _join_references(group: dict[str, Reads], needs: Needs, references: set[str]) -> None:
    """Move models of reference tables alone to the group that needs them, if it is only one."""
    for alone in {read for read in group.values() if read <= references}:
        users = {group[one] for one, need in needs if group[need] == alone} - {alone}
        if len(users) == 1:
            _rename(group, alone, users.pop())


def _join_circles(group: dict[str, Reads], needs: Needs) -> None:
    """Join groups that need each other: by a test that compares a fact with what is made of it."""
    while True:
        arrows = {(group[one], group[need]) for one, need in needs}
        reached = {read: _reached(read, arrows) for read in group.values()}
        circles = [
            (one, other)
            for one, other in permutations(reached, 2)
            if other in reached[one] and one in reached[other]
        ]
        if not circles:
            return
        one, other = min(circles, key=lambda pair: (sorted(pair[0]), sorted(pair[1])))
        joined = one | other
        _rename(group, one, joined)
        _rename(group, other, joined)


def _reached(start: Reads, arrows: set[tuple[Reads, Reads]]) -> set[Reads]:
    """The groups that a group needs, directly or by way of others."""
    found: set[Reads] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        further = {need for one, need in arrows if one == here} - found
        found |= further
        waiting.extend(further)
    return found


def _rename(group: dict[str, Reads], old: Reads, new: Reads) -> None:
    for model, read in group.items():
        if read == old:
            group[model] = new
