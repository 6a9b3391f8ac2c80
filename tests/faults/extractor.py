"""A process that takes hours of `generations` into raw: `extractor.py <source's URL> <lake>`.

Each line on stdin is a range of hours, `first last`; each line on stdout says that one was taken.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from chimera_assets.contracts import load_contracts
from chimera_assets.hours import HourRange
from chimera_assets.ingest.extraction import extract_into_raw
from chimera_assets.lake import Lake
from chimera_assets.packs.active import SHIPPED_PACKS
from chimera_assets.run_context import RunContext
from chimera_assets.sources.postgres import PostgresSource


def main(url: str, uri: str) -> None:
    contract = load_contracts([SHIPPED_PACKS / "ai" / "contracts"])["generations"]
    for line in sys.stdin:
        hours = HourRange.from_keys(*line.split())
        run = RunContext(Lake(uri), datetime.now(UTC), "a-run")
        extract_into_raw(run, contract, PostgresSource(url), hours)
        print("taken", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
