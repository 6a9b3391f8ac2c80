"""A verifier of bundles by somebody else, written from docs/evidence-format.md alone.

    python stranger.py BUNDLE --signer VKEY --log VKEY --witness VKEY --quorum 1

It knows the standard library and cryptography, and shares nothing with the verifier of the package.
"""

# ruff: noqa: T201 - a script that goes down the page
from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import stat
import sys
import zipfile
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable

SATISFIED, NOT_SATISFIED, NOT_EVALUATED = "satisfied", "not satisfied", "not evaluated"
STEPS = (
    "bundle", "manifest envelope", "manifest signature", "manifest statement", "manifest signers",
    "files", "report", "log entry", "log inclusion", "log checkpoint", "log witnesses",
    "timestamps",
)  # fmt: skip
TYPE = "application/vnd.in-toto+json"
SAFE = 2**53 - 1


class Wrong(Exception):  # noqa: N818
    """Something is not as the page says, which is what is expected."""


def need(truth: object, what: str) -> None:
    if not truth:
        raise Wrong(what)


# JSON


def read_json(data: bytes) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len({name for name, _ in found}) == len(found), "a name twice")
        return dict(found)

    def whole(digits: str) -> int:
        need(len(digits) < 20 and abs(int(digits)) <= SAFE, "an integer too large")
        return int(digits)

    def double(digits: str) -> float:
        value = float(digits)
        need(abs(value) != float("inf"), "a number too large")
        need(value or not re.search("[1-9]", re.split("[eE]", digits)[0]), "a number too small")
        return value

    def constant(name: str) -> None:
        raise Wrong(name)

    need(not data.startswith(b"\xef\xbb\xbf"), "a byte order mark")
    try:
        text = data.decode()
        depth = 0
        for mark in re.findall(r'"(?:[^"\\]|\\.)*"|[][{}]', text, re.DOTALL):
            depth += (mark in "[{") - (mark in "]}")
            need(depth <= 64, "too many levels")
        value = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_int=whole,
            parse_float=double,
            parse_constant=constant,
        )
        json.dumps(value, ensure_ascii=False).encode()  # no half characters
    except ValueError as error:
        raise Wrong(str(error)) from None
    return value


def write_number(value: float) -> str:
    """As ECMAScript does."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    before, _, after = mantissa.partition(".")
    digits = (before + after).lstrip("0")
    point = len(before) + int(exponent or 0) - (len(before + after) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits.ljust(point, "0")
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def canonical(value: Any) -> str:
    match value:
        case dict():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return "{" + ",".join(f"{canonical(n)}:{canonical(value[n])}" for n in names) + "}"
        case list():
            return "[" + ",".join(map(canonical, value)) + "]"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case bool() | None:
            return json.dumps(value)
        case int():
            return str(value)
        case _:
            return write_number(value)


def hash_of(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def names_of(value: Any, names: str) -> dict[str, Any]:
    need(isinstance(value, dict) and set(value) == set(names.split()), f"the names {names}")
    return value  # type: ignore[no-any-return]


def base64(text: Any) -> bytes:
    need(isinstance(text, str), "a text")
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = b""
    need(b64encode(data).decode() == text, "base64 in its one form")
    return data


def is_hash(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch("[0-9a-f]{64}", text) is not None


# Keys and signatures


class Key:
    def __init__(self, vkey: str) -> None:
        self.name, number, rest = vkey.split("+", 2)
        data = base64(rest)
        self.kind, self.public = data[0], data[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        need(number == self.id.hex(), "the id of the key")
        need(self.kind in {1, 4, 6} and not re.search(r"[\s+\x00-\x1f]", self.name), "a key")
        self.keyid = f"{self.name}+{number}"

    def verify(self, signature: bytes, message: bytes) -> None:
        kind = MLDSA44PublicKey if self.kind == 6 else Ed25519PublicKey
        try:
            kind.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise Wrong(self.keyid) from None

    def verify_note(self, value: bytes, text: str) -> None:
        if self.kind == 1:
            self.verify(value, text.encode())
            return
        time, signature = value[:8], value[8:]
        moment = int.from_bytes(time, "big")
        need(moment < 2**63, "a time")
        if self.kind == 4:
            self.verify(signature, f"cosignature/v1\ntime {moment}\n{text}".encode())
            return
        origin, size, root = checkpoint(text)
        name, whose = self.name.encode(), origin.encode()
        message = b"subtree/v1\n\0" + bytes([len(name)]) + name + time
        message += bytes([len(whose)]) + whose + bytes(8) + size.to_bytes(8, "big") + root
        self.verify(signature, message)


def encoding(kind: str, payload: bytes) -> bytes:
    length = len(kind.encode())
    return f"DSSEv1 {length} {kind} {len(payload)} ".encode() + payload


# The log


def decimal(text: str) -> int:
    need(re.fullmatch("0|[1-9][0-9]*", text) and int(text) < 2**63, "a number")
    return int(text)


def checkpoint(text: str) -> tuple[str, int, bytes]:
    lines = text.split("\n")
    need(len(lines) == 4 and lines[0] and not lines[3], "a checkpoint of three lines")
    root = base64(lines[2])
    need(len(root) == 32, "a root of 32 bytes")
    return lines[0], decimal(lines[1]), root


def note(data: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    need(not re.search(r"[\x00-\x09\x0b-\x1f]", data), "no control characters")
    text, blank, block = data.rpartition("\n\n")
    need(blank and block.endswith("\n"), "a note")
    signatures = []
    for line in block[:-1].split("\n"):
        found = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        need(found, "a signature")
        value = base64(found[2])  # type: ignore[index]
        need(len(value) > 4, "a signature")
        signatures.append((found[1], value[:4], value[4:]))  # type: ignore[index]
    need(len(signatures) <= 100, "at most 100 signatures")
    return f"{text}\n", signatures


def signers(data: str, known: list[Key]) -> set[str]:
    """The names of the known keys that signed; a bad signature of one is an error."""
    text, signatures = note(data)
    by_id = {(key.name, key.id): key for key in known}
    found = set()
    for name, number, value in signatures:
        if (name, number) in by_id:
            by_id[name, number].verify_note(value, text)
            found.add(name)
    return found


def check_inclusion(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> None:
    need(index < size, "an index in the tree")
    f, s, r = index, size - 1, leaf
    for p in path:
        need(s, "fewer hashes")
        if f % 2 or f == s:
            r = hashlib.sha256(b"\1" + p + r).digest()
            while f % 2 == 0 and f:
                f, s = f // 2, s // 2
        else:
            r = hashlib.sha256(b"\1" + r + p).digest()
        f, s = f // 2, s // 2
    need(s == 0 and r == root, "the root")


def proof(text: str) -> tuple[int, list[bytes], str]:
    head, blank, rest = text.partition("\n\n")
    lines = head.split("\n")
    need(blank and lines.pop(0) == "c2sp.org/tlog-proof@v1" and lines, "a proof")
    if lines[0].startswith("extra "):
        need(base64(lines.pop(0)[6:]), "extra data")
    need(lines and lines[0].startswith("index "), "an index")
    index = decimal(lines.pop(0)[6:])
    path = [base64(line) for line in lines]
    need(len(path) <= 63 and all(len(each) == 32 for each in path), "hashes of 32 bytes")
    return index, path, rest


# The bundle


def good_name(name: str) -> bool:
    parts = name.split("/")
    device = "(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])"
    return (
        len(name) <= 200
        and len(parts) <= 5
        and all(
            re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", part)
            and part[0] != "-"
            and part[-1] != "."
            and not re.fullmatch(rf"{device}(\..*)?", part)
            for part in parts
        )
    )


def folder_files(place: Path) -> dict[str, bytes]:
    found = {}
    for folder, folders, files in os.walk(place):
        for name in [*files, *(one for one in folders if (Path(folder) / one).is_symlink())]:
            path = Path(folder) / name
            need(stat.S_ISREG(path.lstat().st_mode), f"a plain file: {path}")
            found[path.relative_to(place).as_posix()] = path.read_bytes()
    return found


def zip_files(place: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(place) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            need(len({one.filename for one in members}) == len(members), "each name once")
            need(sum(one.file_size for one in members) < 2**31, "2 GiB")
            for one in members:
                mode = one.external_attr >> 16
                need(not stat.S_IFMT(mode) or stat.S_ISREG(mode), "plain files")
                need(one.compress_type in {0, 8} and not one.flag_bits & 1, "deflated")
            found = {one.filename: archive.read(one) for one in members}
    except Wrong:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file
        raise Wrong(str(error)) from None
    first = {name.split("/")[0] for name in found}
    if len(first) == 1 and all("/" in name for name in found):
        return {name.partition("/")[2]: data for name, data in found.items()}
    return found


def check_names(files: dict[str, bytes]) -> None:
    need(len(files) <= 1000 and all(map(good_name, files)), "good names")
    small = [name.lower() for name in files]
    need(len(set(small)) == len(small), "names that differ in more than case")
    above = {"/".join(name.split("/")[:n]) for name in small for n in range(1, name.count("/") + 1)}
    need(not above & set(small), "no file that is a folder")


def at(value: Any, pointer: str) -> Any:
    need(not pointer or pointer[0] == "/", "a pointer")
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            need(re.fullmatch("0|[1-9][0-9]*", name) and int(name) < len(value), "a member")
            value = value[int(name)]
        else:
            need(isinstance(value, dict) and name in value, "a name")
            value = value[name]
    return value


class Verifier:
    """Goes down the table "Verifying, in order"; `outcomes` has what became of each step."""

    def __init__(
        self, signers: list[str], logs: list[str], witnesses: list[str], quorum: int
    ) -> None:
        self.signers, self.logs, self.witnesses = (
            [Key(vkey) for vkey in vkeys] for vkeys in (signers, logs, witnesses)
        )
        self.quorum = quorum
        self.outcomes = dict.fromkeys(STEPS, NOT_EVALUATED)
        self.files: dict[str, bytes] = {}
        self.envelope: dict[str, Any] = {}
        self.payload = b""
        self.statement: dict[str, Any] = {}

    def verify(self, place: Path) -> bool:
        if not self.step("bundle", lambda: self.read(place)):
            return False
        if self.step("manifest envelope", self.check_envelope):
            self.step("manifest signature", self.check_signature)
            if self.step("manifest statement", self.check_statement):
                self.check_rest()
        found = self.outcomes
        return found["manifest signature"] == SATISFIED and NOT_SATISFIED not in found.values()

    def step(self, name: str, check: Callable[[], None]) -> bool:
        try:
            check()
        except Exception as error:  # noqa: BLE001 - a part of another shape is as wrong as any
            print(f"{name}: expected {error}")
            self.outcomes[name] = NOT_SATISFIED
            return False
        self.outcomes[name] = SATISFIED
        return True

    def check_rest(self) -> None:
        self.step("manifest signers", self.check_signers)
        self.step("files", self.check_files)
        self.step("report", self.check_report)
        if self.statement["predicate"]["logged"] is not None:
            self.step("log entry", self.check_entry)
            self.step("log inclusion", self.check_log)
            if self.logs:
                self.step("log checkpoint", self.check_log_signature)
            if self.quorum:
                self.step("log witnesses", self.check_witnesses)
        self.step("timestamps", self.check_timestamps)

    def read(self, place: Path) -> None:
        self.files = folder_files(place) if place.is_dir() else zip_files(place)
        check_names(self.files)

    def check_envelope(self) -> None:
        need("manifest.json" in self.files, "a manifest")
        data = self.files["manifest.json"]
        envelope = names_of(read_json(data), "payload payloadType signatures")
        need(canonical(envelope).encode() == data, "canonical JSON")
        signatures = envelope["signatures"]
        need(isinstance(signatures, list) and 1 <= len(signatures) <= 16, "1 to 16 signatures")
        for each in signatures:
            names_of(each, "keyid sig")
            need(base64(each["sig"]) and isinstance(each["keyid"], str), "a signature")
        need(len({each["keyid"] for each in signatures}) == len(signatures), "each key once")
        self.envelope, self.payload = envelope, base64(envelope["payload"])

    def signed_by(self, keys: list[Key]) -> int:
        known, count = {key.keyid: key for key in keys}, 0
        message = encoding(self.envelope["payloadType"], self.payload)
        for each in self.envelope["signatures"]:
            if each["keyid"] in known:
                key = known[each["keyid"]]
                need(key.kind in {1, 6}, "a key that signs envelopes")
                key.verify(base64(each["sig"]), message)
                count += 1
        return count

    def check_signature(self) -> None:
        need(self.envelope["payloadType"] == TYPE, TYPE)
        need(self.signed_by(self.signers), "a signature by a trusted key")

    def check_statement(self) -> None:
        found = names_of(read_json(self.payload), "_type subject predicateType predicate")
        need(canonical(found).encode() == self.payload, "canonical JSON")
        need(found["_type"] == "https://in-toto.io/Statement/v1", "a statement")
        need(found["predicateType"] == "urn:chimera:evidence:report:v1", "our predicate")
        said = names_of(found["predicate"], "report figures made_by logged timestamps signers")
        revision = names_of(said["report"], "id revision start end zone parameters")["revision"]
        need(type(revision) is int and revision > 0, "a revision")
        names_of(said["made_by"], "code contracts libraries")
        for each in said["figures"]:
            names_of(each, "name metric query pointer sha256 tables")
            need(is_hash(each["sha256"]), "a hash")
            for table in each["tables"]:
                names_of(table, "table version rows")
        for each in said["timestamps"]:
            names_of(each, "authority file sha256")
        if said["logged"] is not None:
            names_of(said["logged"], "entry details salt checkpoint proof")
            need(is_hash(said["logged"]["salt"]), "a salt of 32 bytes")
        names = [names_of(each, "name digest annotations")["name"] for each in found["subject"]]
        need(names and names == sorted(set(names)), "subjects in order")
        for each in found["subject"]:
            need(is_hash(names_of(each["digest"], "sha256")["sha256"]), "a hash")
            names_of(each["annotations"], "bytes")
        self.statement = found

    def check_signers(self) -> None:
        keys = [Key(vkey) for vkey in self.statement["predicate"]["signers"]]
        found = [each["keyid"] for each in self.envelope["signatures"]]
        need(found == [key.keyid for key in keys], "a signature of each signer, in order")
        self.signed_by(keys)

    def check_files(self) -> None:
        subjects = {each["name"]: each for each in self.statement["subject"]}
        need(set(self.files) == {"manifest.json", *subjects}, "just the files of the manifest")
        for name, each in subjects.items():
            data = self.files[name]
            need(len(data) == each["annotations"]["bytes"], f"the length of {name}")
            need(
                hashlib.sha256(data).hexdigest() == each["digest"]["sha256"], f"the hash of {name}"
            )

    def check_report(self) -> None:
        need("report.json" in self.files, "report.json")
        report = read_json(self.files["report.json"])
        for figure in self.statement["predicate"]["figures"]:
            need(hash_of(at(report, figure["pointer"])) == figure["sha256"], figure["name"])

    def check_entry(self) -> None:
        said = self.statement["predicate"]
        logged = said["logged"]
        entry, details = (read_json(logged[name].encode()) for name in ("entry", "details"))
        need(len(logged["entry"].encode()) <= 65_535, "at most 65,535 bytes")
        need(canonical(entry) == logged["entry"], "canonical JSON")
        names = "action actor commitment failure_of resource run_id sequence time"
        need(names_of(entry, names)["action"] == "report.build", "report.build")
        kind = names_of(entry["actor"], "kind name origin stated_by")["kind"]
        need(kind in {"os_user", "person", "service", "system", "dagster"}, "a kind of actor")
        need(type(entry["sequence"]) is int, "a sequence")
        need(re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z", entry["time"]), "a time in UTC")
        salted = bytes.fromhex(logged["salt"]) + logged["details"].encode()
        need(entry.get("commitment") == hashlib.sha256(salted).hexdigest(), "the commitment")
        after = details["after"] if isinstance(details, dict) and "after" in details else None
        hashes = {
            each["name"]: each["digest"]["sha256"]
            for each in self.statement["subject"]
            if not each["name"].startswith("timestamps/")
        }
        report = said["report"]
        expected = {
            "report": report["id"],
            "revision": report["revision"],
            "files": hash_of(hashes),
        }
        need(isinstance(after, dict), "what the entry says of the report")
        said_of_it = {name: after[name] for name in expected}
        need(canonical(said_of_it) == canonical(expected), "this report's entry")

    def check_log(self) -> None:
        logged = self.statement["predicate"]["logged"]
        index, path, noted = proof(logged["proof"])
        need(noted == logged["checkpoint"], "the proof of this checkpoint")
        sequence = read_json(logged["entry"].encode()).get("sequence")
        need(index == sequence, "the proof of this entry")
        _, size, root = checkpoint(note(noted)[0])
        leaf = hashlib.sha256(b"\0" + logged["entry"].encode()).digest()
        check_inclusion(leaf, index, size, path, root)

    def check_log_signature(self) -> None:
        noted = self.statement["predicate"]["logged"]["checkpoint"]
        origin = checkpoint(note(noted)[0])[0]
        keys = [key for key in self.logs if key.name == origin]
        need(signers(noted, keys), "a signature by a trusted log")

    def check_witnesses(self) -> None:
        noted = self.statement["predicate"]["logged"]["checkpoint"]
        need(len(signers(noted, self.witnesses)) >= self.quorum, "enough witnesses")

    def check_timestamps(self) -> None:
        named = self.statement["predicate"]["timestamps"]
        told = {each["file"]: each["sha256"] for each in named}
        need(all(told[each["file"]] == each["sha256"] for each in named), "one hash of a token")
        need(all(name.startswith("timestamps/") for name in told), "tokens in their folder")
        there = {
            each["name"]: each["digest"]["sha256"]
            for each in self.statement["subject"]
            if each["name"].startswith("timestamps/")
        }
        need(there == told, "just the tokens that are named")
        for name, expected in told.items():
            data = self.files.get(name, b"")
            need(hashlib.sha256(data).hexdigest() == expected, f"the hash of {name}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    for name in ("signer", "log", "witness"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--quorum", type=int, default=0)
    given = parser.parse_args()
    verifier = Verifier(given.signer, given.log, given.witness, given.quorum)
    sound = verifier.verify(given.bundle)
    for name, outcome in verifier.outcomes.items():
        print(f"{name}: {outcome}")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
