"""A process of its own that writes and reads 600 MB of text: `wide_writer.py <lake>`.

Prints the most memory that it held, in MB.
"""

import random
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[2]))

from chimera_assets.hour_columns import HOUR_FIELDS
from chimera_assets.lake import Lake, Replay
from tests.lake.conftest import START, hours

ROWS, WIDTH, BATCH = 6_000, 100_000, 100
SCHEMA = pa.schema([pa.field("text", pa.string()), *HOUR_FIELDS])


def batches() -> Iterator[pa.RecordBatch]:
    text = random.Random(1).randbytes(WIDTH).hex()  # noqa: S311
    for first in range(0, ROWS, BATCH):
        texts = [text[at : at + WIDTH] for at in range(first, first + BATCH)]
        columns = [texts, [START.date()] * BATCH, [0] * BATCH]
        arrays = [pa.array(one, field.type) for one, field in zip(columns, SCHEMA, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def main(uri: str) -> None:
    table = Lake(uri).table("raw", "wide")
    table.write_hours(Replay(SCHEMA, batches), hours(0))
    assert sum(frame.height for frame in table.batches(hours(0))) == ROWS
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
