"""HAProxy: proxy, API keys by map, JWT, Basic with bcrypt, mTLS."""

from harness import material
from harness.process import Process
from harness.stage import Stage


class Haproxy:
    name = "HAProxy"

    def __init__(self, stage: Stage):
        program = stage.tool("haproxy")
        if not program:
            raise LookupError("HAProxy is not installed")
        names = ["open", "key", "ES256", "RS256", "basic10", "mtls"]
        self.ports = dict(zip(names, stage.ports(len(names))))
        directory = stage.directory / "haproxy"
        directory.mkdir()
        (directory / "keys.map").write_text("".join(f"{key} 1\n" for key in stage.api_keys.read_text().split()))
        both = directory / "server.pem"
        both.write_text("".join(path.read_text() for path in stage.server_certificate))
        both.chmod(0o600)
        path = directory / "haproxy.cfg"
        path.write_text(self._config(stage, directory, both))
        self.process = Process("haproxy", [program, "-db", "-f", path], stage.directory)
        stage.start(self.process, self.ports["open"])

    def _config(self, stage: Stage, directory, both) -> str:
        front = lambda name, rules, tls="": f"frontend f_{name}\n  bind 127.0.0.1:{self.ports[name]}{tls}\n" + "".join(f"  {rule}\n" for rule in rules) + "  default_backend up\n"
        token = lambda algorithm: [
            "http-request set-var(txn.bearer) http_auth_bearer",
            "http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')",
            "http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')",
            "http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')",
            "http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')",
            "http-request set-var(txn.now) date()",
            f"http-request deny deny_status 401 unless {{ var(txn.alg) -m str {algorithm} }}",
            f"http-request deny deny_status 401 unless {{ var(txn.iss) -m str {material.ISSUER} }}",
            f"http-request deny deny_status 401 unless {{ var(txn.aud) -m str {material.AUDIENCE} }}",
            "http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }",
            f"http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,\"{stage.signers[algorithm].public_path}\") -m int 1 }}",
        ]
        hashed = stage.htpasswd[10].read_text().strip().split(":", 1)[1]
        return f"""
global
  nbthread 1
  maxconn 4096
  stats socket {directory}/stats level admin
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  timeout http-request 15s
  timeout http-keep-alive 600s
  option http-keep-alive
  http-reuse always
userlist people
  user {stage.user} password {hashed}
backend up
  server one {stage.upstream} pool-max-conn 256
{front("open", [])}
{front("key", [f"http-request deny deny_status 401 unless {{ req.hdr(x-api-key),map_str({directory}/keys.map,0) -m str 1 }}"])}
{front("ES256", token("ES256"))}
{front("RS256", token("RS256"))}
{front("basic10", ["http-request auth realm bench unless { http_auth(people) }"])}
{front("mtls", [], f" ssl crt {both} ca-file {stage.ca} verify required")}
"""
