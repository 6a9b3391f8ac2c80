"""Tests stand where what they test stands."""

from pathlib import Path

import chimera_assets

#: Tested by what uses it: commands as they are typed, what is known of runs by what tells of it.
ELSEWHERE = {"commands", "runs"}


def test_each_folder_of_the_package_has_one_of_tests() -> None:
    package, tests = Path(chimera_assets.__file__).parent, Path(__file__).parent
    folders = {init.parent.name for init in package.glob("*/__init__.py")} - ELSEWHERE
    assert folders - {path.parent.name for path in tests.glob("*/test_*.py")} == set()


def test_what_must_be_covered_whole_is_there() -> None:
    makefile = Path(chimera_assets.__file__).parents[1] / "Makefile"
    _, _, rest = makefile.read_text().partition("CAREFUL := ")
    patterns = rest.partition("\n\n")[0].replace("\\", " ").split()
    assert len(patterns) > 10
    missing = {name for name in patterns if not [*Path(chimera_assets.__file__).parent.glob(name)]}
    assert missing == set()
