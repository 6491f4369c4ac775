"""Memory and start: fresh processes, one after the other."""

import http.client
import shutil
import statistics
import time

from harness import load
from harness.process import Process
from rows.gateway import plan


def answered(port: int, path: str, began: float, seconds: float = 30) -> float:
    """Seconds until the first answer."""
    while time.perf_counter() - began < seconds:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path, headers={"Host": "localhost"})
            status = connection.getresponse().status
            connection.close()
            if status < 500:
                return time.perf_counter() - began
        except (OSError, http.client.HTTPException):
            time.sleep(0.0005)
    raise RuntimeError(f"no answer at port {port}")


def starts(cast, times: int) -> list[dict]:
    """From the command to the first answer, in milliseconds: the middle of some starts."""
    found = []
    ours = cast.ours.instance
    cast.ours.process.stop()
    warm, first = [], []
    for _ in range(times):
        began = time.perf_counter()
        ours.launch()
        warm.append(answered(ours.gateway_port, "/open", began))
        ours.stop()
    data, aside = ours.directory / "data", ours.directory / "data.aside"
    data.rename(aside)
    for _ in range(times):
        began = time.perf_counter()
        ours.launch()
        first.append(answered(ours.gateway_port, "/open", began))
        ours.stop()
        shutil.rmtree(data)
    aside.rename(data)
    ours.start()
    cast.ours.process.popen = ours.process
    found.append({"who": "Countersign, warm", "milliseconds": statistics.median(warm) * 1e3, "goal": "≤ 50 ms"})
    found.append({"who": "Countersign, first with new keys", "milliseconds": statistics.median(first) * 1e3, "goal": "≤ 300 ms"})
    for peer in cast.peers.values():
        port = peer.ports.get("open") or peer.ports["ES256"]
        path = "/" if "open" in peer.ports else "/jwks"
        took = []
        for _ in range(times):
            peer.process.stop()
            began = time.perf_counter()
            peer.process.start(port)
            took.append(answered(port, path, began))
        found.append({"who": peer.name, "milliseconds": statistics.median(took) * 1e3, "goal": ""})
    return found


def memories(cast, seconds: float) -> list[dict]:
    """Memory after the start and after load on 64 connections, in MB. To be asked right after the starts."""
    found = []
    ours = cast.ours
    # Pages of the program are divided among those who run it: nobody else of ours may.
    for other in (cast.ours_tls, cast.ours_rsa):
        other.process.stop()

    def add(who: str, process: Process, loads: list[dict], goal: str = ""):
        time.sleep(0.5)
        idle = process.memory()
        for one in loads:
            load.run(one | {"seconds": seconds})
        found.append({"who": who, "idle": idle, "loaded": process.memory(), "goal": goal})

    form = cast.issuer_plan
    add("Countersign, whole product", ours.process, [plan(ours.gateway, "/open"), form], "≤ 25 / 40 MB")
    ours.process.stop()
    alone = gateway_alone(cast)
    try:
        add("Countersign, gateway alone", alone.process, [plan(f"127.0.0.1:{alone.port}", "/open")], "≤ 15 / 20 MB")
    finally:
        alone.process.stop()
    for peer in cast.peers.values():
        if "open" in peer.ports:
            add(f"{peer.name} (with the files of every row)", peer.process, [plan(f"127.0.0.1:{peer.ports['open']}", "/")])
        else:
            add(peer.name, peer.process, [cast.their_plan])
    return found


class gateway_alone:
    """An instance that is only a gateway, in front of an issuer it knows by its keys."""

    def __init__(self, cast):
        from support import toml
        from support.machine import binary

        directory = cast.stage.directory / "gateway-alone"
        directory.mkdir()
        self.port = cast.stage.ports(1)[0]
        config = {key: value for key, value in cast.ours.instance.config.items() if key not in ("server", "management", "keys")}
        upstream = f"http://{cast.stage.upstream}"
        config |= {"gateway": {"listen": f"127.0.0.1:{self.port}", "routes": [
            {"name": "open", "path": "/open", "upstream": upstream, "anonymous": True, "identity": {"token": False}},
            {"name": "jwt", "path": "/jwt", "upstream": upstream, "accept": ["jwt"], "issuers": ["partner"], "identity": {"token": False}}]}}
        path = directory / "countersign.toml"
        path.write_text(toml.dumps(config))
        self.process = Process("gateway-alone", [binary(), "serve", "-c", path], directory)
        self.process.start(self.port)


