"""Whatever is changed of a bundle is found: bytes, files, entries of JSON."""

from __future__ import annotations

import json
import shutil
import zipfile
from base64 import b64decode, b64encode
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from chimera_assets.reports.evidence.bundle import zip_bundle
from chimera_assets.reports.evidence.verification import verify_bundle
from tests.audit.tlog.mutations import mutated
from tests.faults.conftest import SEED, SOAK
from tests.reports.evidence.bundles import FILES, TRUST, bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIMES = 10_000 if SOAK else 400
MANIFEST = "manifest.json"
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\n "


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two bundles of the same report, the second of other files."""
    folder = tmp_path_factory.mktemp("originals")
    bundle(folder / "one")
    bundle(folder / "two", {**FILES, "report.pdf": b"%PDF-1.7 another page"})
    return folder / "one", folder / "two"


@pytest.mark.timeout(3600 if SOAK else 300)
def test_every_change_of_a_bundle_is_found(originals: tuple[Path, Path], tmp_path: Path) -> None:
    print(f"SEED={SEED}")  # noqa: T201 - pytest shows it if the test fails
    random = Random(f"{SEED}-bundle")  # noqa: S311 - no secret
    folder, kinds = tmp_path / "changed", Counter[str]()
    shutil.copytree(originals[0], folder)
    for _ in range(TIMES):
        change = random.choice(CHANGES)
        before = contents(folder)
        change(folder, originals[1], random)
        after = contents(folder)
        if after != before:
            found = verify_bundle(folder, TRUST)
            assert not found.sound, (change.__name__, differing(before, after))
            kinds[change.__name__] += 1
        restore(folder, before, after)
    assert verify_bundle(folder, TRUST).sound
    assert len(kinds) == len(CHANGES)
    assert kinds.total() > 0.95 * TIMES


@pytest.mark.timeout(3600 if SOAK else 300)
def test_a_changed_zip_file_has_the_same_files_or_is_found(
    originals: tuple[Path, Path], tmp_path: Path
) -> None:
    """Its own directory may say other times; not one byte of a file may differ."""
    random = Random(f"{SEED}-zip")  # noqa: S311 - no secret
    zip_bundle(originals[0], tmp_path / "one.zip")
    data, good = (tmp_path / "one.zip").read_bytes(), contents(originals[0])
    path, sound = tmp_path / "changed.zip", 0
    for _ in range(TIMES // 4):
        path.write_bytes(mutated(data, random))
        if verify_bundle(path, TRUST).sound:
            sound += 1
            with zipfile.ZipFile(path) as archive:
                assert {name: archive.read(name) for name in archive.namelist()} == good
    assert sound < TIMES // 16


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def differing(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))


def restore(folder: Path, before: dict[str, bytes], after: dict[str, bytes]) -> None:
    for name in differing(before, after):
        if name in before:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(before[name])
        else:
            (folder / name).unlink()


# What is done to a bundle.


def any_file(folder: Path, random: Random) -> Path:
    return folder / random.choice(sorted(contents(folder)))


def byte(folder: Path, _: Path, random: Random) -> None:
    path = any_file(folder, random)
    path.write_bytes(mutated(path.read_bytes(), random))


def byte_of_manifest(folder: Path, _: Path, random: Random) -> None:
    path = folder / MANIFEST
    path.write_bytes(mutated(path.read_bytes(), random))


def cut_or_more(folder: Path, _: Path, random: Random) -> None:
    path = any_file(folder, random)
    data = path.read_bytes()
    kept = data[: random.randrange(len(data))]
    path.write_bytes(random.choice((kept, data + b"\n", b"\xef\xbb\xbf" + data, data * 2)))


def dropped(folder: Path, _: Path, random: Random) -> None:
    any_file(folder, random).unlink()


def added(folder: Path, other: Path, random: Random) -> None:
    name = random.choice(
        ("x", "tables/x.csv", "Manifest.json", "timestamps/x.tsr", "report.pdf.sig")
    )
    (folder / name).write_bytes(any_file(other, random).read_bytes())


def renamed(folder: Path, _: Path, random: Random) -> None:
    path = any_file(folder, random)
    path.rename(
        path.with_name(random.choice((path.name.upper(), f"{path.name}x", f"x{path.name}")))
    )


def swapped(folder: Path, _: Path, random: Random) -> None:
    one, two = (any_file(folder, random) for _ in range(2))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


def of_another_bundle(folder: Path, other: Path, random: Random) -> None:
    name = random.choice((MANIFEST, "report.pdf"))
    (folder / name).write_bytes((other / name).read_bytes())


def base64(folder: Path, _: Path, random: Random) -> None:
    """One character of a payload or signature, also by one that says the same."""
    path = folder / MANIFEST
    document = json.loads(path.read_bytes())
    holder, name = random.choice(
        [(document, "payload"), *((each, "sig") for each in document["signatures"])]
    )
    text = holder[name]
    at = random.choice((random.randrange(len(text)), len(text) - 1, len(text.rstrip("=")) - 1))
    holder[name] = text[:at] + random.choice(BASE64) + text[at + random.randrange(2) :]
    path.write_bytes(json.dumps(document, separators=(",", ":"), sort_keys=True).encode())


def entry_of_envelope(folder: Path, other: Path, random: Random) -> None:
    """A name or member of the envelope dropped, doubled, swapped, or taken from another one."""
    path = folder / MANIFEST
    document = json.loads(path.read_bytes())
    theirs = json.loads((other / MANIFEST).read_bytes())
    signatures = document["signatures"]
    match random.randrange(7):
        case 0:
            del document[random.choice(sorted(document))]
        case 1:
            document["signatures"] = signatures[::-1]
        case 2:
            del signatures[random.randrange(len(signatures))]
        case 3:
            signatures.append(random.choice(signatures))
        case 4:
            document[name] = theirs[name := random.choice(("payload", "signatures"))]
        case 5:
            one, two = signatures
            name = random.choice(("keyid", "sig"))
            one[name], two[name] = two[name], one[name]
        case _:
            document["more"] = None
    path.write_bytes(json.dumps(document, separators=(",", ":"), sort_keys=True).encode())


def entry_of_statement(folder: Path, _: Path, random: Random) -> None:
    """A name or member anywhere in the statement dropped, doubled, swapped or changed."""
    path = folder / MANIFEST
    document = json.loads(path.read_bytes())
    statement = json.loads(b64decode(document["payload"]))
    parent = random.choice([part for part in parts(statement) if part])
    keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
    one, two = random.choice(keys), random.choice(keys)
    match random.randrange(3):
        case 0:
            del parent[one]
        case 1:
            parent[one], parent[two] = parent[two], parent[one]
        case _:
            parent[one] = random.choice((None, 0, "", [], {}, True, parent[two]))
    payload = json.dumps(statement, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    document["payload"] = b64encode(payload.encode()).decode()
    path.write_bytes(json.dumps(document, separators=(",", ":"), sort_keys=True).encode())


def parts(value: Any) -> Iterator[Any]:
    """Every object and list."""
    if isinstance(value, (dict, list)):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from parts(each)


def another_form(folder: Path, _: Path, random: Random) -> None:
    """The same document, written otherwise."""
    path = folder / random.choice((MANIFEST, "report.json"))
    document = json.loads(path.read_bytes())
    how = random.choice(({"indent": 1}, {"separators": (", ", ":")}, {"separators": (",", ": ")}))
    path.write_bytes(json.dumps(document, **how).encode())


CHANGES = (
    byte,
    byte_of_manifest,
    cut_or_more,
    dropped,
    added,
    renamed,
    swapped,
    of_another_bundle,
    base64,
    entry_of_envelope,
    entry_of_statement,
    another_form,
)
