"""What makes loading Dagster and dbt cheaper is in force where each of them is loaded."""

from __future__ import annotations

import gc
import subprocess
import sys
from dataclasses import dataclass

import pytest
from mashumaro import DataClassDictMixin
from mashumaro.config import BaseConfig
from mashumaro.exceptions import UnserializableField

import chimera_assets.orchestration
from chimera_assets.start_cost import compile_dbt_late


def test_garbage_is_collected_rarely() -> None:
    assert chimera_assets.orchestration
    assert gc.isenabled()
    assert gc.get_threshold()[0] > 10_000


def test_code_is_made_for_a_class_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseConfig, "lazy_compilation", False)
    compile_dbt_late()

    @dataclass
    class Late(DataClassDictMixin):
        what: memoryview

    with pytest.raises(UnserializableField):  # and not above, where the class is defined
        Late.from_dict({"what": b"x"})


def test_dagster_dbt_is_loaded_without_dbt_which_can_be_loaded_after_it() -> None:
    loads = (
        "import sys; import chimera_assets.orchestration.dagster_dbt; import dagster_dbt;"
        "assert 'dbt.adapters' not in sys.modules; import dbt.version"
    )
    subprocess.run([sys.executable, "-c", loads], check=True, timeout=120)
