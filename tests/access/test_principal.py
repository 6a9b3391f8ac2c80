"""Who acts: found at the edge, carried by tags, never asked again."""

from __future__ import annotations

import os
import pwd

import pytest

from chimera_assets.access.principal import ACTOR_TAG, Kind, Principal
from chimera_assets.errors import ArgumentError


def test_the_user_is_that_of_the_process_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")

    me = Principal.of_command()

    assert (me.kind, me.name) == (Kind.OS_USER, pwd.getpwuid(os.getuid()).pw_name)
    assert me.stated_by is None


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_001)  # as in a container
    assert Principal.of_command().name == "uid 4000001"


def test_who_acts_for_somebody_else_is_named_beside() -> None:
    counsel = Principal.of_command("counsel")
    assert (counsel.kind, counsel.name) == (Kind.PERSON, "counsel")
    assert counsel.stated_by == Principal.of_command().name
    for wrong, said in ((" ", "found none"), ("x" * 201, "at most 200 characters, found 201")):
        with pytest.raises(ArgumentError, match=f"--by: .*{said}"):
            Principal.of_command(wrong)


@pytest.mark.parametrize("name", ["\u200b", "root\u200d", "\u202eecila", "a\x07"])
def test_a_name_with_characters_that_nobody_sees_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=r"without invisible characters, found U\+"):
        Principal.of_command(name)


def test_names_that_look_the_same_are_the_same() -> None:
    for name in ("Ann Lee", "Ann\u00a0 Lee ", "\uff21nn Lee"):
        assert Principal.of_command(name).name == "Ann Lee"


@pytest.mark.parametrize(
    "principal",
    [
        Principal.of_command(),
        Principal.of_command("counsel"),
        Principal.of_system("schedule chimera_upkeep"),
        Principal(Kind.PERSON, "a:b@example.com", "a page"),
    ],
)
def test_it_comes_out_of_a_run_as_it_went_in(principal: Principal) -> None:
    assert Principal.of_run(principal.tags()) == principal


@pytest.mark.parametrize("tag", ["", "alice", "admin:alice", "os_user:", ":"])
def test_tags_that_say_nothing_are_dagsters(tag: str) -> None:
    assert Principal.of_run({ACTOR_TAG: tag}).kind is Kind.DAGSTER


def test_dagsters_own_tags_tell_a_schedule_from_a_person() -> None:
    assert Principal.of_run({}).kind is Kind.DAGSTER
    nightly = Principal.of_run({"dagster/schedule_name": "chimera_upkeep"})
    assert (nightly.kind, nightly.name) == (Kind.SYSTEM, "schedule chimera_upkeep")


def test_a_run_that_repeats_another_was_not_started_by_who_started_that() -> None:
    copied = {
        **Principal.of_command("counsel").tags(),
        "dagster/schedule_name": "chimera_upkeep",
        "dagster/parent_run_id": "f00",
    }
    by_hand = Principal.of_run(copied)
    assert (by_hand.kind, by_hand.stated_by) == (Kind.DAGSTER, None)
    assert by_hand.origin.endswith("run f00 again")
    by_daemon = Principal.of_run({**copied, "dagster/retry_number": "1"})
    assert (by_daemon.kind, by_daemon.name) == (Kind.SYSTEM, "automatic retry")
