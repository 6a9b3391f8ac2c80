"""What DuckDB puts by for want of memory is rows, in a folder that everybody may list."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: Sorts more than fits, as a model may, and tells who may enter the folder of what was spilled.
SPILLS = """
from pathlib import Path
import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from chimera_assets.warehouse.dbt_plugin import Plugin
given = DuckDBCredentials(database="memory", schema="main", path=":memory:")
config = {"memory_limit": "50MB"}
Plugin("lake", {}, given).update_connection_config(given, config)
connection = duckdb.connect(":memory:", config=config)
connection.execute("set threads = 2")
connection.execute("create table t as select uuid() as person from range(3000000)")
folder = Path(config["temp_directory"])
print(folder, oct(folder.stat().st_mode & 0o777), len(list(folder.iterdir())) > 0)
"""


def test_only_the_user_may_enter_the_folder_of_what_dbt_spills(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SPILLS],
        env={"TMPDIR": str(tmp_path), "PATH": "", "CHIMERA_HOME": str(tmp_path / "home")},
        umask=0o022,
        capture_output=True,
        text=True,
        check=True,
    )
    folder, mode, spilled = done.stdout.split()
    assert Path(folder).parent == tmp_path
    assert (mode, spilled) == ("0o700", "True")
    assert not Path(folder).exists()
