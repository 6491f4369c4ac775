"""Keys, tokens, passwords and files that every peer gets alike."""

import base64
import datetime
import hashlib
import json
import random
import secrets
import time
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

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

    def tokens(self, count: int, series: str = "bench") -> Path:
        """A file of so many different tokens."""
        path = self.directory / f"{self.algorithm}.{series}.tokens"
        path.write_text("\n".join(self.token(number, client_id=series) for number in range(count)) + "\n")
        return path

    def wrong(self) -> dict[str, str]:
        """Tokens that must be refused."""
        other = Signer.__new__(Signer)
        other.algorithm = self.algorithm
        other.key = {"ES256": lambda: ec.generate_private_key(ec.SECP256R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate,
                     "RS256": lambda: rsa.generate_private_key(65537, 2048)}[self.algorithm]()
        good = self.token()
        middle = good.index(".") + 20
        return {"another's signature": other.token(), "a changed letter": good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1:],
                "expired": self.token(exp=1_000_000_000), "for another audience": self.token(aud="https://other.example.com")}


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


def like(sample: str) -> str:
    """A text of the sample's form that nobody was ever given."""
    head, body, _ = sample.rsplit("_", 2)
    fresh = f"{head}_{''.join(random.SystemRandom().choices(LETTERS, k=len(body)))}"
    return f"{fresh}_{checksum(fresh)}"


def stranger(path: Path) -> str:
    """An API key of the form of those in a file that is not among them."""
    with open(path) as file:
        return like(file.readline().strip())


def foreign_certificate(directory: Path) -> tuple[str, str]:
    """A client certificate, and its key, of an authority that nobody here trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stranger")])
    now = datetime.datetime.now(datetime.UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256()))
    paths = directory / "stranger.pem", directory / "stranger.key"
    paths[0].write_bytes(made.public_bytes(PEM))
    paths[1].write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return str(paths[0]), str(paths[1])


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
