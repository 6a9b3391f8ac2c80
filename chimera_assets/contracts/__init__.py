"""Contracts: the one place where it is said what a stream holds, and what is promised about it.

A contract is an ODCS (Open Data Contract Standard, v3) YAML file. Everything else is made from it:
the Pandera schema, the Delta schema, docs, the dbt sources, which columns are masked, how long rows
are kept. A new stream is a new file.
"""

from chimera_assets.contracts.active import as_it_would_run, contracts, known_contracts
from chimera_assets.contracts.errors import ContractError, MissingReferenceError
from chimera_assets.contracts.loader import load_contract, load_contracts
from chimera_assets.contracts.model import Column, Contract, Rule
from chimera_assets.contracts.profile import (
    batch_violations,
    empty_profile,
    make_profile,
    merge_profiles,
    profile_exprs,
)
from chimera_assets.contracts.rules.row_checks import required_references, row_violations, violation
from chimera_assets.contracts.schema import pandera_schema

__all__ = [
    "Column",
    "Contract",
    "ContractError",
    "MissingReferenceError",
    "Rule",
    "as_it_would_run",
    "batch_violations",
    "contracts",
    "empty_profile",
    "known_contracts",
    "load_contract",
    "load_contracts",
    "make_profile",
    "merge_profiles",
    "pandera_schema",
    "profile_exprs",
    "required_references",
    "row_violations",
    "violation",
]
