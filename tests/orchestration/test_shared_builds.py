"""What one start of dbt built for several steps is kept for them, if whole and of this run."""

from __future__ import annotations

from chimera_assets.orchestration.assets.shared_builds import SharedBuilds
from chimera_assets.warehouse.dbt_messages import NodeEnded

NODES = ["model.p.fact_a", "test.p.fact_a_has_unique_keys"]


def results(*statuses: str) -> list[NodeEnded]:
    return [
        NodeEnded({"data": {"node_info": {"unique_id": node, "node_status": status}}})
        for node, status in zip(NODES, statuses, strict=False)
    ]


def test_what_is_whole_is_given_out_once() -> None:
    builds = SharedBuilds()
    builds.note_staged("run", "a")
    builds.keep("run", "warehouse_a", NODES, results("success", "warn"))
    assert builds.shareable("run") == {"a"}
    assert builds.take("run", "warehouse_a") == results("success", "warn")
    assert builds.take("run", "warehouse_a") is None


def test_what_failed_or_was_skipped_is_left_to_its_own_step() -> None:
    builds = SharedBuilds()
    for found in (results("success", "fail"), results("error"), results("success"), []):
        builds.keep("run", "warehouse_a", NODES, found)
        assert builds.take("run", "warehouse_a") is None


def test_once_apart_nothing_is_shared_in_that_run() -> None:
    builds = SharedBuilds()
    builds.note_staged("run", "a")
    builds.build_alone("run")
    builds.note_staged("run", "b")
    assert builds.shareable("run") == frozenset()
    builds.note_staged("next", "a")
    assert builds.shareable("next") == {"a"}


def test_another_run_finds_nothing() -> None:
    builds = SharedBuilds()
    builds.note_staged("run", "a")
    builds.keep("run", "warehouse_a", NODES, results("success", "pass"))
    assert builds.shareable("next") == frozenset()
    assert builds.take("next", "warehouse_a") is None
