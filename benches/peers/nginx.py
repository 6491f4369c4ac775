"""nginx: proxy, API keys by map, Basic with bcrypt, auth_request with a cache, mTLS."""

import os

from harness.process import Process
from harness.stage import Stage


class Nginx:
    name = "nginx"

    def __init__(self, stage: Stage):
        program = stage.tool("nginx")
        if not program:
            raise LookupError("nginx is not installed")
        names = ["open", "key", "basic5", "basic10", "reference", "mtls", "check"]
        self.ports = dict(zip(names, stage.ports(len(names))))
        directory = stage.directory / "nginx"
        directory.mkdir()
        (directory / "keys.map").write_text("".join(f"{key} 1;\n" for key in stage.api_keys.read_text().split()))
        path = directory / "nginx.conf"
        path.write_text(self._config(stage, directory))
        self.process = Process("nginx", [program, "-p", directory, "-c", path, "-e", "stderr"], stage.directory)
        stage.start(self.process, self.ports["open"])

    def _config(self, stage: Stage, directory) -> str:
        port = self.ports
        server = lambda name, inside, tls="": f"server {{ listen 127.0.0.1:{port[name]}{tls}; {inside} }}\n"
        forward = "location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ''; }"
        certificate, key = stage.server_certificate
        return f"""
daemon off; worker_processes 1; {"user root;" if os.geteuid() == 0 else ""} pid {directory}/pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600; client_body_timeout 30s; client_max_body_size 10m;
  map_hash_max_size 400000; map_hash_bucket_size 128;
  client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  proxy_cache_path {directory}/c keys_zone=tokens:10m; proxy_connect_timeout 5s; proxy_read_timeout 60s;
  upstream up {{ server {stage.upstream}; keepalive 128; keepalive_requests 100000000; }}
  map $http_x_api_key $known {{ default 0; include {directory}/keys.map; }}
  {server("open", forward)}
  {server("key", "if ($known = 0) { return 401; } " + forward)}
  {server("basic5", f"auth_basic bench; auth_basic_user_file {stage.htpasswd[5]}; " + forward)}
  {server("basic10", f"auth_basic bench; auth_basic_user_file {stage.htpasswd[10]}; " + forward)}
  {server("check", 'if ($http_authorization != "Bearer the-right-one") { return 401; } return 200;')}
  {server("reference", f'''
    location = /check {{ internal; proxy_pass http://127.0.0.1:{port["check"]}; proxy_pass_request_body off; proxy_set_header Content-Length '';
      proxy_cache tokens; proxy_cache_key $http_authorization; proxy_cache_valid 200 60s; }}
    location / {{ auth_request /check; proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ''; }}''')}
  {server("mtls", f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_client_certificate {stage.ca}; ssl_verify_client on; ssl_verify_depth 3; " + forward, " ssl")}
}}
"""
