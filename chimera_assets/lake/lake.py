"""The lake: a root with layers, and tables in them."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from chimera_assets.lake.location import LakeRoot
from chimera_assets.lake.storage import check_root, table_folders
from chimera_assets.lake.table import Table
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Mapping


class Lake(LakeRoot):
    """All tables below one root; a table's place is `<root>/<layer>/<name>`.

    Args:
        uri: A folder's path, or `s3://bucket/prefix`.
        storage_options: Options for S3 that win over the AWS environment, in object_store's
            names (`aws_region`, `aws_endpoint_url` and so on).

    Raises:
        LakeError: On first use, if the path is a file or the bucket does not exist.
        StorageUnavailable: On first use, if the S3 endpoint cannot be reached.
    """

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None = None) -> None:
        super().__init__(uri, storage_options)
        self._tables: dict[tuple[str, str], Table] = {}

    @cached_property
    def _checked(self) -> bool:
        check_root(self.uri, self.storage_options)
        return True

    def check(self) -> None:
        """Make sure, once, that the root can be used; see the class for what is raised."""
        _ = self._checked

    def table(self, layer: str, name: str) -> Table:
        """The table of that name, whether it exists yet or not."""
        self.check()
        key = (layer, name)
        if key not in self._tables:
            self._tables[key] = Table(self, layer, name)
        return self._tables[key]

    def tables(self) -> list[tuple[str, str]]:
        """The (layer, name) of every table that exists, in order."""
        self.check()
        return list(table_folders(self.uri, self.storage_options))


@lru_cache(maxsize=1)
def open_lake() -> Lake:
    """The lake that the settings name; one a process, so that its tables keep their snapshots."""
    return Lake(get_settings().resolved_lake_uri)
