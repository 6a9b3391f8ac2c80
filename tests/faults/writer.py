"""A process of its own that writes hours: `writer.py <lake> <start signal> <number> <times>`."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from chimera_assets.lake import Lake
from tests.lake.conftest import events, hours


def main(uri: str, signal: str, number: str, times: str) -> None:
    while not Path(signal).exists():
        time.sleep(0.01)
    for wanted in (hours(int(number)), hours(20)) * int(times):
        rows = events(wanted, rows=100, value=int(number))
        Lake(uri).table("staged", "generations").write_hours(rows, wanted)


if __name__ == "__main__":
    main(*sys.argv[1:])
