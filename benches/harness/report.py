"""What was measured, for eyes and for programs. The machine is described without names and paths."""

import json
import platform
import re
import subprocess
from pathlib import Path

from .load import ROOT
from .row import Figures, Row


def machine() -> dict:
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", text)
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1))
    return {
        "processor": model.group(1).strip() if model else platform.machine(),
        "processors": text.count("processor\t"),
        "load_average": float(Path("/proc/loadavg").read_text().split()[0]),
        "memory_gb": round(memory / 1024 / 1024),
        "kernel": platform.release().split("-")[0],
    }


def version(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    except OSError:
        return "?"
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found.group(0) if found else "?"


def table(row: Row, figures: list[Figures]) -> list[str]:
    """A row as lines of a Markdown table, with what each costs in terms of ours."""
    ours = next((one for one in figures if one.who == "Countersign"), None)
    refused = list(dict.fromkeys(name for one in figures for name in one.refused))
    about = [f"Goal: {row.goal}."] if row.goal else []
    about += [f"Refused first: {', '.join(refused)}."] if refused else ["Open to everybody."]
    lines = [f"### {row.title}", "", " ".join(about), "",
             f"| | CPU µs a {row.unit} | × ours | {row.unit}s a second | p50 µs | p99 µs | |", "|---|--:|--:|--:|--:|--:|---|"]
    for one in figures:
        ratio = f"{one.cpu / ours.cpu:.2f}" if ours and ours.cpu else ""
        failures = "; failures: " + ", ".join(f"{count} × {name}" for name, count in one.failures.items()) if one.failures else ""
        lines.append(f"| {one.who} | {one.cpu:,.1f} | {ratio} | {one.rate:,.0f} | {one.p50:,} | {one.p99:,} | {one.note}{failures} |")
    return lines + [""]


def write(results: list[tuple[Row, list[Figures]]], notes: list[str], about: dict, versions: dict, footprint: dict, rounds: int, seconds: float):
    """RESULTS.md and RESULTS.json. `about` is the machine before the first round."""
    lines = [
        "# What was measured", "",
        f"By `make bench`: {about['processors']} × {about['processor']}, {about['memory_gb']} GB, Linux {about['kernel']}. Each server with one worker on",
        f"core 0; load generator and upstream on core 1; {rounds} rounds of {seconds:g} s, the servers in turn; the middle of the rounds.",
        "CPU is user and system time of the server, divided by what it answered: it survives a noisy machine, rates and latencies do not.",
        f"The load average before the first round was {about['load_average']:.2f}: what others do raises CPU times, too, by the caches it takes.",
        "Nobody writes a line for each request.",
        "Every cell first proved that it lets the right credential pass and that it refuses what its row names, at every server alike.",
        "Countersign's routes that ask for a credential send the upstream a signed identity token unless a line says otherwise; its peers send none.", "",
        "Versions: " + ", ".join(f"{name} {number}" for name, number in versions.items()) + ".", "",
    ]
    for row, figures in results:
        lines += table(row, figures)
    if footprint.get("start"):
        lines += ["### Start, from the command to the first answer", "", "| | ms | goal |", "|---|--:|---|"]
        lines += [f"| {one['who']} | {one['milliseconds']:.0f} | {one['goal']} |" for one in footprint["start"]] + [""]
    if footprint.get("memory"):
        lines += ["### Memory (proportional set size)", "", "| | idle MB | loaded MB | goal |", "|---|--:|--:|---|"]
        lines += [f"| {one['who']} | {one['idle']:.1f} | {one['loaded']:.1f} | {one['goal']} |" for one in footprint["memory"]] + [""]
    if footprint.get("revocation"):
        lines += ["### Revocation, from its answer until the gateway refuses", "",
                  "Asked over and over on one connection: a delay includes the request that is refused. On the command line, the answer is its end.", "",
                  "| | revoked | times | p50 ms | p99 ms | worst ms | goal (p99) |", "|---|---|--:|--:|--:|--:|---|"]
        lines += [f"| {one['where']} | {one['what']} | {one['times']} | {one['p50_ms']} | {one['p99_ms']} | {one['worst_ms']} | {one['goal']} |"
                  for one in footprint["revocation"]] + [""]
    if notes:
        lines += ["### Left out", ""] + [f"- {note}" for note in notes] + [""]
    (ROOT / "benches" / "RESULTS.md").write_text("\n".join(lines))
    document = {
        "machine": about, "versions": versions, "rounds": rounds, "seconds": seconds,
        "rows": [{"key": row.key, "title": row.title, "goal": row.goal, "cells": [one.as_dict() for one in figures]} for row, figures in results],
        "footprint": footprint, "left_out": notes,
    }
    (ROOT / "benches" / "RESULTS.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
