"""Certificates that clients made themselves, and what they register of them."""

import base64
import re
from pathlib import Path

from .machine import need, run


def self_signed(directory: Path, name: str) -> dict:
    """A certificate of nobody's but its own, and its key."""
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    done = run(need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-days", "1", "-subj", f"/CN={name}", "-keyout", key, "-out", cert)
    assert done.returncode == 0, done.stderr
    return {"cert": str(cert), "key": str(key)}


def jwks(cert: str) -> dict:
    """What a client registers for a certificate of its own (RFC 8705 §2.2.2)."""
    pem = open(cert).read()
    der = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.S).group(1).replace("\n", "")
    public = run("openssl", "x509", "-in", cert, "-pubkey", "-noout").stdout
    point = base64.b64decode(re.search(r"-----BEGIN PUBLIC KEY-----(.*?)-----END", public, re.S).group(1))[-64:]
    x, y = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (point[:32], point[32:]))
    return {"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": y, "x5c": [der]}]}
