"""Files that say who has to vouch for a log: read as the standard has them, or refused by line."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from chimera_assets.audit.tlog.errors import MalformedError
from chimera_assets.audit.tlog.keys import KeyKind, SigningKey
from chimera_assets.audit.tlog.policy import Policy
from tests.audit.tlog.mutations import mutated
from tests.audit.tlog.trees import LOG, LOG_PQ, WITNESS, WITNESS_PQ

#: The witnesses of the standard's example.
KEYS = {
    name: SigningKey(f"{name.lower()}.example", KeyKind.ED25519_COSIGNATURE, name.encode() * 16)
    for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")
}
OF = {name: key.verifier for name, key in KEYS.items()}

#: The example of c2sp.org/tlog-policy, with keys.
EXAMPLE = f"""\
log {LOG.verifier}

witness X1 {OF["X1"]}
witness X2 {OF["X2"]}
witness X3 {OF["X3"]}
group X-witnesses 2 X1 X2 X3

witness Y1 {OF["Y1"]}
witness Y2 {OF["Y2"]}
witness Y3 {OF["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
ONE = f"witness w {WITNESS.verifier}\n"


def test_the_standards_example_asks_for_two_of_the_one_and_one_of_the_other() -> None:
    policy = Policy.parse(EXAMPLE.encode())
    assert [one.key for one in policy.logs] == [LOG.verifier]
    assert [one.name for one in policy.witnesses] == list(KEYS)
    for count in range(7):
        for names in combinations(OF, count):
            of_x = sum(name.startswith("X") for name in names)
            enough = of_x >= 2 and count > of_x
            assert policy.satisfied([OF[name] for name in names]) == enough


def test_a_single_witness_or_nobody_can_be_the_quorum() -> None:
    one = Policy.parse(f"{ONE}quorum w\n".encode())
    assert one.satisfied([WITNESS.verifier])
    assert not one.satisfied([WITNESS_PQ.verifier])
    nobody = Policy.parse(b"quorum none\n")
    assert nobody.satisfied([])
    assert (nobody.logs, nobody.witnesses) == ((), ())


def test_spaces_tabs_comments_and_urls_are_taken_and_names_are_octets() -> None:
    text = f"""
\t # of caf\u00e9
  log\t{LOG.verifier}   https://log.example/\t
log {LOG_PQ.verifier}
witness K {WITNESS.verifier} https://w.example/one
witness \u212a {WITNESS_PQ.verifier}
group 7 1 K \u212a
quorum 7
"""
    policy = Policy.parse(text.encode())
    assert [one.url for one in policy.logs] == ["https://log.example/", None]
    assert [(one.name, one.url) for one in policy.witnesses] == [
        ("K", "https://w.example/one"), ("\u212a", None)
    ]  # fmt: skip
    assert policy.satisfied([WITNESS_PQ.verifier])
    odd = f"witness \u212a {WITNESS.verifier}\n".encode().replace("\u212a".encode(), b"\xff")
    assert Policy.parse(odd + b"quorum \xff\n").satisfied([WITNESS.verifier])
    with pytest.raises(MalformedError, match="line 2: expected the name of a witness"):
        Policy.parse(odd + b"quorum \xfe\n")


def test_groups_may_stand_in_each_other_a_thousand_deep() -> None:
    groups = "".join(f"group g{n + 1} all g{n}\n" for n in range(2_000))
    policy = Policy.parse(f"{ONE}group g0 any w\n{groups}quorum g2000\n".encode())
    assert policy.satisfied([WITNESS.verifier])
    assert not policy.satisfied([])


VKEY = str(WITNESS.verifier)
MALFORMED = {
    "nothing": ("", "policy: expected a line `quorum <name>`, found none"),
    "no quorum": (ONE, "policy: expected a line `quorum <name>`, found none"),
    "two quorums": (f"{ONE}quorum w\nquorum none\n", "line 3: expected one line `quorum`"),
    "a quorum of nobody known": ("quorum w\n", "line 1: expected the name of a witness or group"),
    "a quorum of a later line": (f"quorum w\n{ONE}", "line 1: expected the name of a witness"),
    "a quorum of two": (f"{ONE}quorum w w\n", "line 2: expected `log <vkey> [<url>]`"),
    "another word": ("Quorum none\n", "line 1: expected `log <vkey> [<url>]`"),
    "no newline": ("\nquorum none", "line 2: expected a newline at its end, found none"),
    "carriage return": ("quorum none\r\n", "line 1: expected no control characters"),
    "a null": (f"{ONE}#\0\nquorum w\n", "line 2: expected no control characters"),
    "no-break space": ("quorum\u00a0none\n", "line 1: expected `log"),
    "no key": ("log\nquorum none\n", "line 1: expected `log <vkey> [<url>]`"),
    "a bad key": (f"{ONE}log x+y\n", "line 2, verifier key: expected NAME+HASH+KEY"),
    "another id": (f"witness w {VKEY.replace('+', '+f', 1)}\n", "line 1, verifier key: expected"),
    "a log's key as a witness": (f"witness w {LOG.verifier}\n", "type 0x04 or 0x06, found 0x01"),
    "a witness's key as a log": (f"log {VKEY}\n", "line 1: expected a key of type 0x01 or 0x06"),
    "a log twice": (f"log {LOG.verifier}\n" * 2, "line 2: expected each public key once"),
    "a witness's key twice": (f"{ONE}witness v {VKEY}\n", "line 2: expected each public key once"),
    "too many words": (f"witness w {VKEY} http://w.example x\n", "line 1: expected `log"),
    "a name twice": (
        f"{ONE}witness w {WITNESS_PQ.verifier}\n", "line 2: expected a name that nothing else has"
    ),
    "a group of a witness's name": (f"{ONE}group w any w\n", "line 2: expected a name that"),
    "a witness called none": (f"witness none {VKEY}\n", "line 1: expected a name that nothing"),
    "none in a group": (f"{ONE}group g any none\n", "line 2: expected the name of a witness"),
    "a group of itself": (f"{ONE}group g any g\n", "line 2: expected the name of a witness"),
    "an empty group": (f"{ONE}group g any\n", "line 2: expected `log"),
    "a member twice": (f"{ONE}group g any w w\n", "line 2: expected each name as a member once"),
    "a member of two groups": (
        f"{ONE}group g any w\ngroup h any w\n", "line 3: expected each name as a member once"
    ),
    "none of them": (f"{ONE}group g 0 w\n", "line 2: expected 1 to 1 of the members, found '0'"),
    "more than all": (f"{ONE}group g 2 w\n", "line 2: expected 1 to 1 of the members, found '2'"),
    "a half": (f"{ONE}group g half w\n", "line 2, `all`, `any` or how many: expected a decimal"),
    "a leading zero": (f"{ONE}group g 01 w\n", "line 2, `all`, `any` or how many: expected"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MALFORMED.values(), ids=list(MALFORMED))
def test_a_file_in_another_form_is_refused_by_its_line(text: str, expected: str) -> None:
    with pytest.raises(MalformedError) as refused:
        Policy.parse(text.encode())
    assert expected in str(refused.value)


def test_a_damaged_file_is_read_or_refused() -> None:
    random, data = Random(3161), EXAMPLE.encode()  # noqa: S311 - no secret
    refused = 0
    for _ in range(500):
        try:
            Policy.parse(mutated(data, random))
        except MalformedError:
            refused += 1
    assert refused > 400
