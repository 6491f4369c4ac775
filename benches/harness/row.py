"""Rows and cells: first the proof that it refuses, then rounds in turn, then the middle of the rounds."""

import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from . import load
from .process import Process

ALIVE = 64


@dataclass
class Cell:
    """One server's part of a row."""

    who: str
    process: Process
    plan: dict
    # What must be refused, by a name for the report: a change to a step ("step", the first if none is said), which is
    # other header fields, path or body, or "certificate": another one with its key, or None.
    refused: dict[str, dict] = field(default_factory=dict)
    note: str = ""
    # Runs beside the measured load, on the same core as that.
    beside: dict | None = None
    # Asked once before the rounds, so that what may be remembered is.
    warm: dict | None = None
    # Lines of the list go on from round to round; none is asked twice.
    fresh_lines: bool = False


@dataclass
class Row:
    """One question to several servers."""

    key: str
    title: str
    goal: str
    cells: list[Cell]
    unit: str = "request"
    # Seconds of a round, as a share of the usual.
    share: float = 1.0


@dataclass
class Figures:
    """The middle of a cell's rounds."""

    who: str
    cpu: float
    rate: float
    p50: int
    p99: int
    rounds: list[dict]
    failures: dict
    note: str
    refused: list[str]

    def as_dict(self) -> dict:
        return {"who": self.who, "cpu_us": round(self.cpu, 1), "per_second": round(self.rate), "p50_us": self.p50,
                "p99_us": self.p99, "failures": self.failures, "note": self.note, "refused": self.refused, "rounds": self.rounds}


class NotRefused(Exception):
    """A cell let something pass, or did not let the right thing pass. Its figures would mean nothing."""


def prove(cell: Cell):
    """The right credential passes; missing and wrong ones are refused."""
    # Values that an earlier answer would have given.
    values = dict(cell.plan.get("proof", {}))
    passes(cell, cell.plan["steps"], values)
    for name, change in cell.refused.items():
        number = change.get("step", 0)
        passes(cell, cell.plan["steps"][:number], values)
        plan, step = dict(cell.plan), cell.plan["steps"][number] | {k: v for k, v in change.items() if k in ("headers", "path", "body")}
        if "certificate" in change:
            certificate, key = change["certificate"] or (None, None)
            plan["tls"] = plan["tls"] | {"certificate": certificate, "key": key}
        status, text = load.once(plan, step, first_line(plan), values)
        if not is_refusal(status, text, step):
            raise NotRefused(f"{cell.who}: {name}: answered {status}, not refused: {text[:200]}")
    if cell.beside:
        # What goes on beside the load is guesses: they must be refused, too.
        status, text = load.once(cell.beside, cell.beside["steps"][0], first_line(cell.beside))
        if status not in (401, 429):
            raise NotRefused(f"{cell.who}: a guess was answered {status}, not refused: {text[:200]}")


def passes(cell: Cell, steps: list[dict], values: dict):
    """Asks each step as it is; keeps in `values` what the next ones need."""
    for step in steps:
        status, text = load.once(cell.plan, step, first_line(cell.plan), values)
        if status not in step.get("expect", [200]) or step.get("says", "") not in text:
            raise NotRefused(f"{cell.who}: {step['path']} answered {status}: {text[:400]}")
        for keep in step.get("keep", []):
            found = re.search(re.escape(keep["after"]) + "([^" + re.escape(keep["until"]) + "]*)", text)
            if not found:
                raise NotRefused(f"{cell.who}: no {keep['name']} in {text[:300]}")
            values[keep["name"]] = found.group(1)


def is_refusal(status: int | str, text: str, step: dict) -> bool:
    """An error of the caller's, a redirect that gives nothing of what the step is for, or a connection ended by TLS."""
    if isinstance(status, str):
        return status in ("SSLError", "ConnectionResetError", "BrokenPipeError", "RemoteDisconnected", "SSLEOFError", "ConnectionAbortedError")
    if status in (302, 303) and step.get("keep"):
        return not any(keep["after"] in text for keep in step["keep"])
    return status in (400, 401, 403, 429)


def first_line(plan: dict) -> str:
    if not plan.get("lines"):
        return ""
    with open(plan["lines"]) as file:
        return file.readline().rstrip("\n")


def measure(row: Row, rounds: int, seconds: float, say: Callable[[str], None]) -> list[Figures]:
    """Proves each cell, then measures them in turn."""
    good = []
    for cell in row.cells:
        try:
            prove(cell)
            # What may be remembered is, and what compiles while it runs has done so.
            if not cell.fresh_lines:
                load.run(cell.warm or cell.plan | {"seconds": max(seconds / 2, 1)})
            good.append(cell)
        except (NotRefused, RuntimeError) as failure:
            say(f"  left out: {failure}")
    measured: dict[str, list[dict]] = {cell.who: [] for cell in good}
    for number in range(rounds):
        # Another one begins each time, so that nobody is always first after a pause.
        for cell in good[number % len(good):] + good[:number % len(good)] if good else []:
            measured[cell.who].append(one_round(cell, seconds * row.share, measured[cell.who]))
    return [middle(cell, measured[cell.who]) for cell in good]


def one_round(cell: Cell, seconds: float, before: list[dict]) -> dict:
    plan = cell.plan | {"seconds": seconds}
    if cell.fresh_lines:
        # One line for each step of each round so far, and the one that was the proof.
        plan["first_line"] = 1 + sum((done["rounds"] + sum(done["failures"].values())) * len(plan["steps"]) for done in before)
    alone = load.run(plan) if cell.beside else None
    beside = load.begin(cell.beside | {"seconds": seconds + 1}) if cell.beside else None
    if beside:
        time.sleep(0.5)
    cpu = cell.process.cpu()
    done = load.run(plan)
    done["cpu"] = cell.process.cpu() - cpu
    if beside:
        load.end(beside, seconds + 1)
        done["kept"] = (done["rounds"] / done["seconds"]) / max(alone["rounds"] / alone["seconds"], 1)
    return done


def middle(cell: Cell, rounds: list[dict]) -> Figures:
    failures = {}
    for one in rounds:
        for name, count in one["failures"].items():
            failures[name] = failures.get(name, 0) + count
    middle_of = lambda value: statistics.median(value(one) for one in rounds)
    kept = f"keeps {middle_of(lambda one: one['kept']):.1%}; " if cell.beside else ""
    return Figures(
        who=cell.who,
        cpu=middle_of(lambda one: one["cpu"] / max(one["rounds"], 1) * 1e6),
        rate=middle_of(lambda one: one["rounds"] / one["seconds"]),
        p50=int(middle_of(lambda one: one["p50"])),
        p99=int(middle_of(lambda one: one["p99"])),
        rounds=[{k: one[k] for k in ("rounds", "seconds", "cpu", "p50", "p99")} for one in rounds],
        failures=failures,
        note=kept + cell.note,
        refused=list(cell.refused) + (["a guess"] if cell.beside else []),
    )
