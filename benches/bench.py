"""`make bench`: Countersign beside nginx, HAProxy, Envoy, Caddy and oidc-provider. See benches/README.md.

    python3 benches/bench.py [--quick] [--only KEY…] [--rounds N] [--seconds S] [--without PEER…]
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "benches"), str(ROOT / "interop")]


def arguments():
    parser = argparse.ArgumentParser(description="Countersign beside its peers; figures, never a test.")
    parser.add_argument("--quick", action="store_true", help="one short round of everything, and fewer keys; for trying out")
    parser.add_argument("--only", nargs="+", default=[], metavar="KEY", help="only these rows (start, memory, revocation, million and those named in RESULTS.json)")
    parser.add_argument("--without", nargs="+", default=[], metavar="PEER", help="leave these peers out")
    parser.add_argument("--rounds", type=int, help="rounds of each cell [3]")
    parser.add_argument("--seconds", type=float, help="seconds of a round [3]")
    chosen = parser.parse_args()
    chosen.rounds = chosen.rounds or (1 if chosen.quick else 3)
    chosen.seconds = chosen.seconds or (1 if chosen.quick else 3)
    return chosen


def build():
    """The binary that is installed, as `make dist` builds it, unless $COUNTERSIGN_BIN names one; and the load generator."""
    from harness import load

    if "COUNTERSIGN_BIN" not in os.environ:
        subprocess.run(["cargo", "build", "--profile", "dist", "--bin", "countersign"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL, timeout=3600)
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        os.environ["COUNTERSIGN_BIN"] = str(target / "dist" / "countersign")
    load.build()


def casting(stage, chosen) -> SimpleNamespace:
    """Starts everybody."""
    from peers.caddy import Caddy
    from peers.countersign import Countersign
    from peers.envoy import Envoy
    from peers.haproxy import Haproxy
    from peers.nginx import Nginx
    from peers.oidc_provider import OidcProvider

    secure = Countersign(stage, tls=True)
    secure.certificates()
    ours = Countersign(stage)
    ours.people()
    stage.api_keys = ours.keys(5_000 if chosen.quick else 100_000)
    rsa = Countersign(stage, "RS256")
    rsa.people()
    peers = {}
    for make in (Nginx, Haproxy, Envoy, Caddy, OidcProvider):
        if make.name.lower() in (name.lower() for name in chosen.without):
            continue
        try:
            peers[make.name] = make(stage)
        except (LookupError, RuntimeError) as failure:
            stage.absent[make.name] = str(failure)
            print(f"left out: {make.name}: {failure}", flush=True)
    return SimpleNamespace(stage=stage, ours=ours, ours_tls=secure, ours_rsa=rsa, peers=peers, rounds=chosen.rounds)


def versions(stage, peers) -> dict:
    from harness.report import version
    from support.machine import binary

    ask = {"nginx": ["nginx", "-v"], "HAProxy": ["haproxy", "-v"], "Envoy": ["envoy", "--version"], "Caddy": ["caddy", "version"]}
    found = {"Countersign": version([str(binary()), "--version"])}
    for name in peers:
        if name in ask:
            found[name] = version([stage.tool(ask[name][0]), *ask[name][1:]])
        else:
            import json

            found[name] = json.loads((ROOT / "interop/node_modules/oidc-provider/package.json").read_text())["version"]
    return found


def main() -> int:
    chosen = arguments()
    from harness.setup import VENV, setup_peers

    setup_peers()
    if Path(sys.prefix) != VENV:
        # The whole path as its name: by that Python finds the environment it belongs to.
        python = str(VENV / "bin" / "python")
        os.execv(python, [python, *sys.argv])
    from harness import report
    from harness.row import measure
    from harness.stage import Stage

    build()
    about = report.machine()
    from rows import footprint, gateway, grants, issuer, million, revocation

    results, notes, closing = [], [], []
    wants = lambda *keys: not chosen.only or any(key in chosen.only for key in keys)

    def say(text: str):
        print(text, flush=True)
        if "left out" in text:
            notes.append(text.strip().removeprefix("left out: "))

    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as directory:
        stage = Stage(Path(directory), chosen.quick)

        def row_by_row(wanted):
            for row in wanted:
                say(f"\n{row.title}")
                figures = measure(row, chosen.rounds, chosen.seconds, say)
                results.append((row, figures))
                for line in report.table(row, figures)[4:]:
                    print(line, flush=True)

        try:
            found = {}
            # These need no peer: alone, they start none.
            if wants("revocation"):
                found["revocation"] = revocation.measured(stage, say, closing)
            if wants("million"):
                row_by_row(million.rows(stage, say, closing))
            if chosen.only and not set(chosen.only) - {"revocation", "million"}:
                return 0
            stage.stop_started()
            cast = casting(stage, chosen)
            notes += [f"{name}: {why}" for name, why in stage.absent.items()]
            rows = gateway.rows(cast) + issuer.rows(cast) + grants.rows(cast, wants)
            cells = {row.key: row for row in rows}
            cast.issuer_plan = cells["client-credentials"].cells[0].plan
            cast.their_plan = cells["client-credentials"].cells[-1].plan
            row_by_row(row for row in rows if wants(row.key))
            # After the rows: starting anew forgets what was remembered.
            if wants("start", "memory"):
                found["start"] = footprint.starts(cast, 3 if chosen.quick else 7)
                for one in found["start"]:
                    say(f"start  {one['milliseconds']:8.0f} ms  {one['who']}")
                found["memory"] = footprint.memories(cast, chosen.seconds)
                for one in found["memory"]:
                    say(f"memory {one['idle']:8.1f} MB idle {one['loaded']:8.1f} MB loaded  {one['who']}")
            if not chosen.only and not chosen.quick:
                report.write(results, notes, about, versions(stage, cast.peers), found, chosen.rounds, chosen.seconds)
                say("\nwritten: benches/RESULTS.md, benches/RESULTS.json")
        finally:
            stage.close()
            for close in closing:
                close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
