"""What makes loading Dagster and dbt cheaper is in force wherever the orchestration is loaded."""

from __future__ import annotations

import gc
from dataclasses import dataclass

import pytest
from mashumaro import DataClassDictMixin
from mashumaro.exceptions import UnserializableField

import chimera_assets.orchestration


def test_garbage_is_collected_rarely_and_code_is_made_when_it_is_needed() -> None:
    assert chimera_assets.orchestration
    assert gc.isenabled()
    assert gc.get_threshold()[0] > 10_000

    @dataclass
    class Late(DataClassDictMixin):
        what: memoryview

    with pytest.raises(UnserializableField):  # and not above, where the class is defined
        Late.from_dict({"what": b"x"})
