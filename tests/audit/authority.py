"""A timestamp authority made by `openssl ts`, with a root and a certificate between them."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.audit.parties import answer

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

_CONFIG = """
[tsa]
default_tsa = ours
[ours]
serial = {0}/serial
signer_cert = {0}/tsa.pem
signer_key = {0}/tsa.key
certs = {0}/chain.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


class Authority:
    """Stamps what it is asked to.

    Args:
        folder: Where its files are, made new.
        days: For so many days from now on its certificate is valid; below 0: it was.
    """

    def __init__(self, folder: Path, *, days: int = 30) -> None:
        folder.mkdir()
        self._folder = folder
        top, between, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        root = _certificate("Root", top, None)
        middle = _certificate("Between", between, (root, top))
        signer = _certificate("Authority", own, (middle, between), days=days)
        (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
        chain = [one.public_bytes(Encoding.PEM) for one in (middle, root)]
        (folder / "chain.pem").write_bytes(b"".join(chain))
        (folder / "tsa.pem").write_bytes(signer.public_bytes(Encoding.PEM))
        secret = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(secret)
        (folder / "serial").write_text("01\n")
        (folder / "config").write_text(_CONFIG.format(folder))
        self.roots = (root,)
        self.root_file = folder / "root.pem"
        self.asked = 0

    def stamp(self, request: bytes) -> bytes:
        """The answer to a request."""
        self.asked += 1
        query, reply = self._folder / "asked.tsq", self._folder / "answer.tsr"
        query.write_bytes(request)
        command = ["openssl", "ts", "-reply", "-config", str(self._folder / "config")]
        command += ["-queryfile", str(query), "-out", str(reply)]
        subprocess.run(command, check=True, capture_output=True)
        return reply.read_bytes()

    def __call__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer a request over HTTP."""
        assert handler.headers["Content-Type"] == "application/timestamp-query"
        kind = {"Content-Type": "application/timestamp-reply"}
        answer(200, self.stamp(body), **kind)(handler, body)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    *,
    days: int | None = None,
) -> x509.Certificate:
    """A certificate of an authority over others or, with `days`, of one that stamps."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} of a test")])
    now = datetime.now(UTC)
    begin = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    begin = begin.serial_number(x509.random_serial_number())
    begin = begin.issuer_name(issuer[0].subject if issuer is not None else subject)
    begin = begin.not_valid_before(now - timedelta(days=400))
    begin = begin.not_valid_after(now + timedelta(days=30 if days is None else days))
    is_over_others = x509.BasicConstraints(ca=days is None, path_length=None)
    begin = begin.add_extension(is_over_others, critical=True)
    if days is not None:
        purpose = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING])
        begin = begin.add_extension(purpose, critical=True)
    return begin.sign(issuer[1] if issuer is not None else key, hashes.SHA256())
