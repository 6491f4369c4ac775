"""Keys, tokens, passwords and files that every peer gets alike."""

import base64
import hashlib
import json
import random
import secrets
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

AUDIENCE = "https://bench.example.com"
ISSUER = "https://partner.example.com"
PEM, SPKI = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


class Signer:
    """An issuer with one key of one algorithm, and its tokens."""

    def __init__(self, directory: Path, algorithm: str):
        self.algorithm, self.directory = algorithm, directory
        self.key = {"ES256": lambda: ec.generate_private_key(ec.SECP256R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate,
                    "RS256": lambda: rsa.generate_private_key(65537, 2048)}[algorithm]()
        name = {"ES256": "ECAlgorithm", "EdDSA": "OKPAlgorithm", "RS256": "RSAAlgorithm"}[algorithm]
        jwk = json.loads(getattr(jwt.algorithms, name).to_jwk(self.key.public_key()))
        jwk |= {"kid": algorithm.lower(), "use": "sig", "alg": algorithm}
        jwk.pop("key_ops", None)
        self.jwks = {"keys": [jwk]}
        self.jwks_path = directory / f"{algorithm}.jwks.json"
        self.jwks_path.write_text(json.dumps(self.jwks))
        self.public_path = directory / f"{algorithm}.public.pem"
        self.public_path.write_bytes(self.key.public_key().public_bytes(PEM, SPKI))

    def token(self, number: int = 0, **more) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": f"user-{number % 1000}", "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 7200,
                  "jti": f"{number:012x}", "scope": "orders.read", "client_id": "bench"} | more
        return jwt.encode(claims, self.key, algorithm=self.algorithm, headers={"kid": self.algorithm.lower(), "typ": "at+jwt"})

    def tokens(self, count: int) -> Path:
        """A file of so many different tokens."""
        path = self.directory / f"{self.algorithm}.tokens"
        path.write_text("\n".join(self.token(number) for number in range(count)) + "\n")
        return path

    def wrong(self) -> list[str]:
        """Tokens that must be refused: another key, expired, another audience."""
        other = Signer.__new__(Signer)
        other.algorithm = self.algorithm
        other.key = {"ES256": lambda: ec.generate_private_key(ec.SECP256R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate,
                     "RS256": lambda: rsa.generate_private_key(65537, 2048)}[self.algorithm]()
        return [other.token(), self.token(exp=1_000_000_000), self.token(aud="https://other.example.com")]


LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def api_keys(directory: Path, count: int, sample: str) -> Path:
    """A file of API keys in the form of a sample: the same prefix, a random body, the checksum over both."""
    head = sample.rsplit("_", 2)[0]
    if checksum(sample.rsplit("_", 1)[0]) != sample.rsplit("_", 1)[1]:
        raise RuntimeError("the checksum of API keys is made in another way than here")
    lines = set()
    while len(lines) < count:
        body = f"{head}_{''.join(random.SystemRandom().choices(LETTERS, k=len(sample.rsplit('_', 2)[1])))}"
        lines.add(f"{body}_{checksum(body)}")
    path = directory / "api-keys"
    path.write_text("\n".join(lines) + "\n")
    return path


def checksum(text: str) -> str:
    """Six letters of CRC-32."""
    import zlib

    number, letters = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        letters = LETTERS[digit] + letters
    return letters


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def password() -> str:
    return secrets.token_urlsafe(16)
