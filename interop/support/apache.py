"""Apache with mod_auth_openidc, one configuration of its own, on ports that the system chose."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import requests

from .machine import free_ports, missing, need

MODULES = Path("/usr/lib/apache2/modules")
START_SECONDS = 20

# What every site needs; the pages tell who the module says it is.
COMMON = """
ServerName localhost
ServerRoot "{root}"
PidFile "{root}/pid"
DefaultRuntimeDir "{root}"
Mutex file:{root}
ErrorLog "{root}/error.log"
LogLevel warn auth_openidc:debug
User www-data
Group www-data
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authn_core_module {modules}/mod_authn_core.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule authz_user_module {modules}/mod_authz_user.so
LoadModule dir_module {modules}/mod_dir.so
LoadModule mime_module {modules}/mod_mime.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
TypesConfig /dev/null
OIDCCABundlePath "{root}/ca.pem"
DocumentRoot "{root}/pages"
"""


class Apache:
    """One server, ended by its process."""

    def __init__(self, authority: Path, sites: list):
        """`sites` are functions from their own port to their directives; `ca.pem` in the server's directory is `authority`."""
        self.program = need("apache2", "libapache2-mod-auth-openidc")
        if not (MODULES / "mod_auth_openidc.so").exists():
            missing("mod_auth_openidc is missing: `make setup-tests` installs the Debian package libapache2-mod-auth-openidc")
        # Not below pytest's directory, which the server's own user can't enter.
        self.root = Path(tempfile.mkdtemp(prefix="countersign-apache-"))
        self.root.chmod(0o755)
        for name in ("app/index.html", "api/index.html", "signed-out.html"):
            page = self.root / "pages" / name
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(f"this is {name}\n")
        shutil.copyfile(authority, self.root / "ca.pem")
        (self.root / "ca.pem").chmod(0o644)
        self.ports = free_ports(len(sites))
        text = COMMON.format(root=self.root, modules=MODULES)
        for port, site in zip(self.ports, sites):
            text += f"Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\n{site(port)}\n</VirtualHost>\n"
        config = self.root / "apache2.conf"
        config.write_text(text)
        config.chmod(0o600)
        self.process = subprocess.Popen([self.program, "-d", self.root, "-f", config, "-DFOREGROUND"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._wait()

    def _wait(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                requests.get(f"http://localhost:{self.ports[0]}/signed-out.html", timeout=5)
                return
            except requests.ConnectionError:
                time.sleep(0.05)
        self.process.kill()
        raise AssertionError(f"Apache did not start:\n{self.process.stderr.read()}{self.log()}")

    def log(self) -> str:
        path = self.root / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        shutil.rmtree(self.root)
