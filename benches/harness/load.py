"""Load from core 1, and single requests by which a cell proves that it refuses."""

import http.client
import json
import ssl
import subprocess
from pathlib import Path

from .process import LOAD_CORE, quiet_environment

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "target" / "bench" / "release" / "countersign-load"


def build():
    """Builds the load generator."""
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", str(ROOT / "benches/load/Cargo.toml"),
                    "--target-dir", str(ROOT / "target" / "bench")], check=True, stdin=subprocess.DEVNULL, timeout=1200)


def begin(plan: dict) -> subprocess.Popen:
    """Starts a load that ends by itself."""
    process = subprocess.Popen(["taskset", "-c", LOAD_CORE, str(TOOL), "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=quiet_environment())
    process.stdin.write(json.dumps(plan))
    process.stdin.close()
    process.stdin = None
    return process


def end(process: subprocess.Popen, seconds: float) -> dict:
    output, errors = process.communicate(timeout=seconds + 30)
    if process.returncode:
        raise RuntimeError(f"load: {errors.strip()[-600:]}")
    return json.loads(output)


def run(plan: dict) -> dict:
    return end(begin(plan), plan["seconds"])


def once(plan: dict, step: dict, line: str = "", values: dict | None = None):
    """One request as the load would send it; status and text, or the error's name where there is no answer."""
    fill = lambda text: _fill(text, {"line": line, "n": "0"} | (values or {}))
    address, port = plan["address"].rsplit(":", 1)
    if plan.get("tls"):
        context = ssl.create_default_context(cafile=plan["tls"]["authority"])
        if plan["tls"].get("certificate"):
            context.load_cert_chain(plan["tls"]["certificate"], plan["tls"]["key"])
        connection = http.client.HTTPSConnection("localhost", int(port), context=context, timeout=30)
    else:
        connection = http.client.HTTPConnection(address, int(port), timeout=30)
    try:
        headers = {name: fill(value) for name, value in step.get("headers", [])} | {"Host": plan.get("host", "localhost")}
        connection.request(step.get("method", "GET"), fill(step["path"]), fill(step["body"]) if step.get("body") else None, headers)
        answer = connection.getresponse()
        head = "".join(f"{name}: {value}\r\n" for name, value in answer.getheaders())
        return answer.status, head + "\r\n" + answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, str(error)
    finally:
        connection.close()


def _fill(text: str, values: dict) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text
