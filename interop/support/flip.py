"""One flipped byte, where it hurts."""

import base64
from pathlib import Path


def in_text(credential: str, position: int = -8) -> str:
    """Another letter at that place; the first kind of alphabet stays the same."""
    old = credential[position]
    new = "A" if old != "A" else "B"
    place = position % len(credential)
    return credential[:place] + new + credential[place + 1:]


def in_certificate(certificate: tuple[Path, Path]) -> tuple[Path, Path]:
    """The certificate with one bit of its signature flipped, beside the key it still belongs to."""
    lines = certificate[0].read_text().strip().splitlines()
    end = lines.index("-----END CERTIFICATE-----")
    der = bytearray(base64.b64decode("".join(lines[1:end])))
    der[-4] ^= 1
    text = base64.encodebytes(bytes(der)).decode()
    flipped = certificate[0].with_name("flipped.crt")
    flipped.write_text(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n" + "\n".join(lines[end + 1:]) + "\n")
    return flipped, certificate[1]
