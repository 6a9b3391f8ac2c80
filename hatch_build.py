"""Puts into the wheel what stands beside the package in a clone; see chimera_assets/shipped.py."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_DBT = ("dbt_project.yml", "profiles.yml", "macros")
_BESIDE = ("dagster.yaml", "workspace.yaml", *(f"dbt_project/{name}" for name in _DBT))


class PackBeside(BuildHookInterface):  # type: ignore[type-arg]
    """An editable installation finds these files where they are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Tell the builder of a wheel, before it begins."""
        if version == "standard":
            build_data["force_include"] |= {name: f"chimera_assets/{name}" for name in _BESIDE}
