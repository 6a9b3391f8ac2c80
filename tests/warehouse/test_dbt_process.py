"""dbt is in a process of its own, which is loaded early, kept, and never outlives its master."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from chimera_assets.warehouse.dbt_messages import Request
from chimera_assets.warehouse.dbt_process import WORKER
from tests import warm

ROOT = Path(__file__).parents[2]
STORIES = "tests.warehouse.dbt_stories"


def environment(home: Path) -> dict[str, str]:
    settings = {name: v for name, v in os.environ.items() if not name.startswith("CHIMERA_")}
    return {**settings, "CHIMERA_HOME": str(home), "PYTHONPATH": str(ROOT)}


def test_one_process_serves_until_it_is_of_no_use(tmp_path: Path) -> None:
    said = subprocess.run(
        warm.module(STORIES),
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    seen = json.loads(said.stdout.splitlines()[-1])

    assert seen["started"] == 1
    assert seen["built"] == seen["again"] > 0
    assert seen["kept"]
    assert seen["after a reader that stopped"] == 0
    assert seen["killed"] == {
        "words": "dbt could not run: its process ended: signal 9",
        "passes": True,
    }
    assert seen["after that"] == seen["built"]
    assert seen["in another environment"] == seen["built"]
    assert seen["another"] == [1, True]


def test_nothing_is_imported_from_the_folder_in_which_it_begins(tmp_path: Path) -> None:
    for name in ("dbt", "json", "mashumaro", "yaml"):
        (tmp_path / f"{name}.py").write_text("open('imported', 'w').close()")
    ours, theirs = socket.socketpair()
    settings = {**environment(tmp_path), "CHIMERA_PACKS": "gone"}  # so that it has little to do
    with theirs:
        child = subprocess.Popen(
            [*WORKER, str(theirs.fileno())], cwd=tmp_path, env=settings, pass_fds=[theirs.fileno()]
        )
    with Connection(ours.detach()) as connection:
        connection.send(Request(("build",)))
        answer = connection.recv()
    child.wait(60)

    assert "CHIMERA_PACKS" in answer.unable
    assert not (tmp_path / "imported").exists()


def test_who_is_killed_leaves_no_dbt_behind(tmp_path: Path) -> None:
    master = subprocess.Popen(
        [*warm.module(STORIES), "wait"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert master.stdout is not None
    (beside,) = json.loads(master.stdout.readline())

    master.kill()
    master.communicate()

    until = time.monotonic() + 30
    while psutil.pid_exists(beside) and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(beside)
