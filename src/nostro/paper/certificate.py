"""The paper exchange's certificate, for clients that speak nothing but TLS. It decides what is certified: this machine
alone, by a key that is made on it and proves nothing to anybody who was not told to trust it.

It is made by the ``openssl`` of this machine and kept in the exchange's folder. A client trusts it through
``SSL_CERT_FILE``, or as its own documentation says.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Final

from nostro.errors import BadValue

NAMES: Final = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
DAYS: Final = 3_650
MAKING_S: Final = 30


def certificate(folder: Path) -> Path:
    """The file with certificate and key; made where it is not there. Raises `BadValue` where it cannot be."""
    made = folder / "tls.pem"
    if made.exists():
        return made
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BadValue("there is no openssl to make a certificate with", hint=f"install it, or put one into {made}")
    partial = folder / "tls.pem.partial"
    with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w"):
        answer = subprocess.run(  # noqa: S603 - our own words
            [
                openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", str(DAYS), "-subj", "/CN=nostro paper exchange", "-addext", NAMES,
                "-keyout", str(partial), "-out", "-",
            ],
            capture_output=True, timeout=MAKING_S, check=False,
        )  # fmt: skip
    if answer.returncode:
        said = answer.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise BadValue(f"openssl made no certificate: {' '.join(said)}", hint=f"put one into {made}")
    partial.write_bytes(partial.read_bytes() + answer.stdout)
    partial.replace(made)
    return made


def context(chain: Path) -> ssl.SSLContext:
    """What a server speaks TLS with. Raises `BadValue` for a file without certificate and key."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        tls.load_cert_chain(chain)
    except (ssl.SSLError, OSError) as error:
        raise BadValue(f"{chain} holds no certificate with its key: {error}", hint="delete it, or mend it") from None
    return tls
