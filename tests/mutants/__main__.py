"""`make mutants`: change the core in small ways, and count how many changes the tests notice.

mutmut changes one operator, constant or argument at a time, in a copy of the repository, and runs
the tests that reach the changed function (`plugin.py` says which can). Of each file a sample is
tried, chosen by `SEED`; `ROOMS` chooses some rooms. A change that no test can notice stands with
its reason in `harmless.yaml`. What no test reaches without other processes is counted apart.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.warm.server import WARM

ROOT = Path(__file__).parents[2]
HARMLESS = Path(__file__).with_name("harmless.yaml")
GOAL = 85  # percent of the changes that tests reach

#: Room of `chimera_assets` -> folders and files of the tests that are to notice.
ROOMS = {
    "contracts": ("contracts",),
    "ingest": ("ingest", "orchestration/test_late_runs.py"),
    "lake": ("lake", "cli/test_tables.py", "faults/test_damaged_tables.py"),
    "lifecycle": ("lifecycle", "cli/test_upkeep.py"),
    "monitoring/alerts": ("monitoring",),
    "quality": ("quality", "cli/test_quarantine.py"),
    "reconciliation": ("reconciliation",),
    "sources": ("sources", "packs/test_adapted_files.py"),
}

_CONFIG = """
[mutmut]
source_paths = chimera_assets
only_mutate = chimera_assets/{room}/*
also_copy =
    dbt_project
    dagster.yaml
    workspace.yaml
    docs
    benchmarks
    deploy
    Makefile
timeout_constant = 20
timeout_multiplier = 5
process_isolation = forkserver
forkserver_warmup = import
preload_modules_file = preload
pytest_add_cli_args =
    -p
    no:xdist
    -p
    no:cacheprovider
    -p
    tests.mutants.plugin
pytest_add_cli_args_test_selection =
    {tests}
"""

#: The first part of `mutmut run`, so that names can be chosen from what it makes.
_GENERATE = """
from mutmut import __main__ as mutmut
mutmut.copy_src_dir()
mutmut.copy_also_copy_files()
mutmut.setup_source_paths()
mutmut.create_mutants(1)
"""

#: mutmut's results; all others, such as a timeout, which may be the machine's, are `other`.
_OUTCOMES: dict[int | None, str] = {
    None: "untried",
    0: "survived",
    1: "killed",
    3: "killed",
    255: "killed",  # pytest found no test, as a file of tests cannot be imported any more
    5: "unreached",
    33: "unreached",
}


@dataclass(frozen=True)
class Mutant:
    """A change, and what the tests made of it."""

    file: str
    name: str
    outcome: str
    diff: str = ""


def main() -> int:
    """Try the rooms; 1 if fewer than the goal were noticed, or any could not be tried."""
    options = _options()
    tried: list[Mutant] = []
    for room in options.rooms or ROOMS:
        of_room = _tried(room, options)
        for mutant in of_room:
            if mutant.outcome in {"survived", "other"}:
                print(f"\n{mutant.file}: {mutant.name}: {mutant.outcome}\n{mutant.diff}")
        print(f"{room}: {_summary(of_room)}\n", flush=True)
        tried += of_room
    print(f"all: {_summary(tried)}; goal {GOAL}%")
    return int(_share(tried) < GOAL or any(mutant.outcome == "untried" for mutant in tried))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("rooms", nargs="*", choices=[[], *ROOMS], help="these rooms; else all")
    parser.add_argument("--sample", type=int, default=3, help="mutants of a file; 0 for all")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="the choice")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    return options


def _share(tried: list[Mutant]) -> float:
    counts = Counter(mutant.outcome for mutant in tried)
    return 100 * counts["killed"] / max(1, counts["killed"] + counts["survived"])


def _summary(tried: list[Mutant]) -> str:
    counts = Counter(mutant.outcome for mutant in tried)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in sorted(counts))
    return f"{len(tried)} mutants: {told}: {_share(tried):.0f}% killed"


def _tried(room: str, options: argparse.Namespace) -> list[Mutant]:
    with tempfile.TemporaryDirectory(prefix="chimera-mutants-") as folder:
        copy = Path(folder)
        copy.chmod(0o711)  # the account of root's embedded servers passes through it
        _prepare(copy, room)
        chosen = _chosen(copy / "mutants", options)
        print(f"{room}: trying {len(chosen)} mutants ...", flush=True)
        _python(copy, "-m", "mutmut", "run", "--max-children", str(os.cpu_count() or 1), *chosen)
        results = _results(copy / "mutants")
        if all(results[name] is None for name in chosen):  # a test fails without any change
            pytest = ("-p", "tests.mutants.plugin", *(f"tests/{name}" for name in ROOMS[room]))
            print(_python(copy / "mutants", "-m", "pytest", "-qx", "-p", "no:xdist", *pytest))
        return [_mutant(copy, name, results[name]) for name in chosen]


def _prepare(copy: Path, room: str) -> None:
    """Copy the files that git knows or might, and make all mutants of the room."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    with (copy / "setup.cfg").open("a", encoding="utf-8") as config:
        tests = "\n    ".join(f"tests/{name}" for name in ROOMS[room])
        config.write(_CONFIG.format(room=room, tests=tests))
    # A process is forked for each mutant. Polars' threads do not live through that: what starts
    # them is not imported before, nor the core, whose changed functions may run on import.
    foreign = [name for name in WARM if not name.startswith(("chimera_assets", "tests"))]
    (copy / "preload").write_text("\n".join(foreign), encoding="utf-8")
    (copy / "tmp").mkdir()
    _python(copy, "-c", _GENERATE)


def _python(folder: Path, *arguments: str) -> str:
    """Run Python on the copy's package, not the editable one, which comes after it on the path."""
    copy = folder.parent if folder.name == "mutants" else folder
    environment = {**os.environ, "PYTHONPATH": str(copy / "mutants"), "TMPDIR": str(copy / "tmp")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def _metas(mutants: Path) -> dict[str, dict[str, int | None]]:
    """File of a module -> its mutants and their results, `None` before they were tried."""
    return {
        str(path.relative_to(mutants).with_suffix("")): json.loads(path.read_text())[
            "exit_code_by_key"
        ]
        for path in sorted(mutants.rglob("*.meta"))
    }


def _results(mutants: Path) -> dict[str, int | None]:
    return {name: code for file in _metas(mutants).values() for name, code in file.items()}


def _chosen(mutants: Path, options: argparse.Namespace) -> list[str]:
    """Names of mutants, the same for the same files and seed."""
    chosen: list[str] = []
    for file, of_file in _metas(mutants).items():
        names = sorted(of_file)
        wanted = min(options.sample or len(names), len(names))
        chosen += random.Random(f"{options.seed} {file}").sample(names, wanted)
    return chosen


def _mutant(copy: Path, name: str, code: int | None) -> Mutant:
    outcome = _OUTCOMES.get(code, "other")
    file = f"{name.rpartition('.')[0].replace('.', '/')}.py"
    if outcome not in {"survived", "other"}:
        return Mutant(file, name, outcome)
    diff = _python(copy, "-m", "mutmut", "show", name).partition("\n")[2]
    if outcome == "survived" and _is_harmless(file, diff):
        outcome = "harmless"
    return Mutant(file, name, outcome, diff)


def _is_harmless(file: str, diff: str) -> bool:
    """Whether the change is known, by itself or by its kind, as one that no test can notice."""
    removed, added = (re.findall(rf"^{sign} *(.*)$", diff, re.MULTILINE) for sign in ("-", r"\+"))
    known = set()
    for one in yaml.safe_load(HARMLESS.read_text()):
        if "text" in one:
            known |= {line.replace(one["text"], one["change"]) for line in removed}
        elif one["file"] == file:
            known.add(one["change"])
    return not known.isdisjoint({*added} - {*removed})


if __name__ == "__main__":
    sys.exit(main())
