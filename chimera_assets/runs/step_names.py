"""The names of steps: how they are made, and what they say."""

from __future__ import annotations

from chimera_assets.layers import RAW

_JUDGING = "stage_"


def extracting_step(stream: str) -> str:
    """The step that extracts a stream's rows, named by Dagster after the asset `raw/<stream>`."""
    return f"{RAW}__{stream}"


def conserving_step(stream: str) -> str:
    """The last step of a stream, the check that no row was lost and no hour blocked."""
    return f"conserve_{stream}"


def judging_step(stream: str) -> str:
    """The step that judges the rows of a stream."""
    return f"{_JUDGING}{stream}"


def judged_stream(step: str) -> str | None:
    """The stream whose rows a step judges; None for a step of another kind."""
    return step.removeprefix(_JUDGING) if step.startswith(_JUDGING) else None


def shown_step(step_key: str) -> str:
    """A step's name as people know it: Dagster writes `raw__orders` for `raw/orders`."""
    return step_key.replace("__", "/")
