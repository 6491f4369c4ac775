"""Writes the little TOML our configurations need."""

import json
import re


def dumps(tree: dict) -> str:
    """A dictionary as TOML: nested dictionaries become tables, lists of dictionaries arrays of tables."""
    return "\n".join(_table(tree, ())) + "\n"


def _table(tree: dict, path: tuple[str, ...]):
    below = {}
    for key, value in tree.items():
        if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
            below[key] = value
        else:
            # JSON's strings, numbers, booleans and lists of them are TOML too.
            yield f"{_key(key)} = {json.dumps(value)}"
    for key, value in below.items():
        inner = (*path, _key(key))
        if isinstance(value, dict):
            yield f"[{'.'.join(inner)}]"
            yield from _table(value, inner)
        else:
            for one in value:
                yield f"[[{'.'.join(inner)}]]"
                yield from _table(one, inner)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)
