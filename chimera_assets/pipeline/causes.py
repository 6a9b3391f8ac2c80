"""Why hours are run again, as tags of their runs."""

#: The tag of the cause.
CAUSE_TAG = "chimera/cause"

#: Rows came late: the sensor asked for the hours.
LATE = "late"

#: Rejected rows are judged again: somebody asked for it.
REPLAY = "replay"

#: The tags of a late run: the streams that have late rows, parted by spaces, and how many rows.
STREAMS_TAG, ROWS_TAG = "chimera/late_streams", "chimera/late_rows"
