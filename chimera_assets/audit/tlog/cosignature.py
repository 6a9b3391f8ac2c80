"""What a cosigner's key signs of a checkpoint (c2sp.org/tlog-cosignature)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.audit.tlog.encoding import SIZE_LIMIT
from chimera_assets.audit.tlog.errors import MalformedError

if TYPE_CHECKING:
    from chimera_assets.audit.tlog.checkpoint import Checkpoint

#: Bytes of the time before the signature proper ("Format").
TIMESTAMP_BYTES = 8

#: `cosigned_message.label`; the zero is the last of its 12 bytes.
_LABEL = b"subtree/v1\n\0"
_LONGEST_NAME = 255
_TIME = "cosignature, time"


def ed25519_message(checkpoint: Checkpoint, timestamp: int) -> bytes:
    """What Ed25519 signs (tlog-cosignature, "Ed25519 signed message").

    Args:
        checkpoint: The checkpoint.
        timestamp: When, as a POSIX time in seconds.
    """
    return f"cosignature/v1\ntime {timestamp}\n{checkpoint.text}".encode()


def ml_dsa_message(name: str, checkpoint: Checkpoint, timestamp: int) -> bytes:
    """What ML-DSA-44 signs: a `cosigned_message` (tlog-cosignature, "ML-DSA-44 signed message").

    Args:
        name: The cosigner's key's name.
        checkpoint: The checkpoint; of a tree, so of the subtree that starts at 0.
        timestamp: When, as a POSIX time in seconds; 0 says that larger trees may have been seen.

    Raises:
        MalformedError: The name or the origin has more than 255 bytes.
    """
    parts = (
        _LABEL,
        _opaque(name, "cosigner name"),
        encode_timestamp(timestamp),
        _opaque(checkpoint.origin, "log origin"),
        (0).to_bytes(8, "big"),
        checkpoint.size.to_bytes(8, "big"),
        checkpoint.root,
    )
    return b"".join(parts)


def encode_timestamp(timestamp: int) -> bytes:
    """The time as it stands before the signature proper, a `u64`.

    Raises:
        MalformedError: It is below 0 or above 2**63 - 1.
    """
    if not 0 <= timestamp < SIZE_LIMIT:
        raise MalformedError(_TIME, expected="0 to 2**63 - 1", found=timestamp)
    return timestamp.to_bytes(TIMESTAMP_BYTES, "big")


def _opaque(text: str, where: str) -> bytes:
    """Bytes with their number before them, as `opaque<1..2^8-1>` of RFC 8446, section 3.4."""
    data = text.encode()
    if len(data) > _LONGEST_NAME:
        raise MalformedError(where, expected=f"at most {_LONGEST_NAME} bytes", found=len(data))
    return bytes([len(data)]) + data
