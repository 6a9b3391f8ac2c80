"""Where a lake and its tables lie: URIs, and what is needed to reach them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.lake.s3_access import s3_options
from chimera_assets.lake.storage import is_s3

if TYPE_CHECKING:
    from collections.abc import Mapping


class LakeRoot:
    """The place below which all tables of a lake lie: `<root>/<layer>/<name>`.

    Args:
        uri: A folder's path, or `s3://bucket/prefix`.
        storage_options: Options for S3 that win over the AWS environment, in object_store's
            names (`aws_region`, `aws_endpoint_url` and so on).
    """

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None = None) -> None:
        self.uri = uri.rstrip("/") or "/"
        self._overrides = dict(storage_options or {})
        #: What each commit that is made through this object says of itself, `run` for instance;
        #: where a commit says something of its own by the same name, that stands.
        self.provenance: Mapping[str, str] = {}

    @property
    def storage_options(self) -> dict[str, str]:
        """What deltalake and Polars need to reach the storage; empty for a folder."""
        return s3_options(self._overrides) if is_s3(self.uri) else {}


class TableLocation:
    """Where one table of a lake lies, whether it exists or not.

    Args:
        root: The lake's root.
        layer: Its layer, `staged` for instance.
        name: Its name in the layer.
    """

    def __init__(self, root: LakeRoot, layer: str, name: str) -> None:
        self._root = root
        self.layer = layer
        self.name = name
        self.uri = f"{root.uri}/{layer}/{name}"

    def __repr__(self) -> str:
        """The table and its place."""
        return f"{type(self).__name__}({self.uri!r})"

    @property
    def storage_options(self) -> dict[str, str]:
        """What is needed to reach the storage; empty for a folder."""
        return self._root.storage_options

    @property
    def provenance(self) -> Mapping[str, str]:
        """What each commit says of itself; see `LakeRoot`."""
        return self._root.provenance
