"""Rows put into an instance's database in bulk: SQLite by Python, PostgreSQL by psql's COPY. What is put there is what
Countersign itself would have written, with real hashes of real tokens; only the way is shorter."""

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

SECONDS = 1800


def postgresql(say: Callable[[str], None], closing: list):
    """A cluster of this machine's PostgreSQL, to be ended by what is added to `closing`; None where there is none."""
    try:
        from support.postgres import Postgres

        cluster = Postgres().start()
    except BaseException as failure:  # pytest's skip is no Exception
        if isinstance(failure, KeyboardInterrupt):
            raise
        say(f"  left out: PostgreSQL: {failure}")
        return None
    closing.append(cluster.close)
    return cluster


class Sqlite:
    """The database in a data directory. Nobody else should be at it while rows are put in."""

    def __init__(self, data: Path):
        self.path = next(file for file in data.iterdir() if file.suffix in (".db", ".sqlite", ".sqlite3"))

    def one(self, query: str) -> dict:
        with sqlite3.connect(self.path, timeout=60) as database:
            database.row_factory = sqlite3.Row
            row = database.execute(query).fetchone()
        database.close()
        return dict(row)

    def put(self, table: str, columns: list[str], rows: Iterable[tuple]):
        with sqlite3.connect(self.path, timeout=60) as database:
            database.execute("PRAGMA cache_size = -262144")
            database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", rows)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()

    def settle(self):
        """Nothing is left to be done later."""


class Postgresql:
    """A database of a cluster."""

    def __init__(self, psql: Path, url: str):
        self._command = [str(psql), url, "-X", "-q", "-v", "ON_ERROR_STOP=1"]

    def _run(self, *more: str, **keywords) -> str:
        return subprocess.run([*self._command, *more], check=True, capture_output=True, text=True, timeout=SECONDS, **keywords).stdout

    def one(self, query: str) -> dict:
        return json.loads(self._run("-At", "-c", f"SELECT row_to_json(found) FROM ({query}) found"))

    def put(self, table: str, columns: list[str], rows: Iterable[tuple]):
        command = [*self._command, "-c", f"COPY {table} ({', '.join(columns)}) FROM STDIN"]
        copy = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            for row in rows:
                copy.stdin.write("\t".join(map(_field, row)) + "\n")
            copy.stdin.close()
            if copy.wait(SECONDS):
                raise RuntimeError(f"COPY {table} failed")
        finally:
            copy.kill()
            copy.wait()

    def settle(self):
        """What autovacuum would do in the middle of a round."""
        self._run("-c", "VACUUM ANALYZE")
        self._run("-c", "CHECKPOINT")


def _field(value) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
