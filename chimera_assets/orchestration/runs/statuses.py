"""The states of a run, in the groups that matter here."""

from dagster import DagsterRunStatus

#: Asked for, and not begun.
WAITING = (DagsterRunStatus.NOT_STARTED, DagsterRunStatus.QUEUED)

#: Begun, or about to.
AT_WORK = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)

#: Steps may be running.
IN_PROGRESS = (DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)

ENDED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
