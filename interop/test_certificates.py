"""Client certificates at the gateway: OpenSSL as another authority, and the TLS of Python on the other end."""

import http.client
import json
import socket
import ssl
import time

import pytest

from support.machine import need, run

# An alert of TLS comes as one of these: in TLS 1.3 after the request was sent.
REFUSED = (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)
# From a command to the last checker that has to learn of it, on a slow and busy machine.
TOLD_SECONDS = 30


class Authority:
    """A certificate authority that is not ours."""

    def __init__(self, directory):
        self.directory = directory
        self.openssl = need("openssl", "openssl")
        self.bundle = directory / "partner.pem"
        self.key = directory / "partner.key"
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                  "-subj", "/CN=Partner CA", "-keyout", self.key, "-out", self.bundle,
                  "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def _run(self, *arguments):
        done = run(self.openssl, *arguments)
        assert done.returncode == 0, done.stderr

    def issue(self, name, subject_alternative_name, usage="clientAuth", days="2"):
        """A leaf; its files."""
        request, key, leaf, extensions = (self.directory / f"{name}.{end}" for end in ("csr", "key", "pem", "ext"))
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                  "-keyout", key, "-out", request)
        extensions.write_text(f"subjectAltName={subject_alternative_name}\nextendedKeyUsage={usage}\n"
                              "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n")
        self._run("x509", "-req", "-in", request, "-CA", self.bundle, "-CAkey", self.key, "-CAcreateserial",
                  "-days", days, "-extfile", extensions, "-out", leaf)
        return leaf, key


@pytest.fixture(scope="module")
def partner(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("partner"))


@pytest.fixture(scope="module")
def instance(start, partner, upstream):
    def change(config):
        gateway = config["gateway"]
        gateway["trust_bundles"] = {"partner": str(partner.bundle)}
        gateway["trust_domains"] = {"partner.example": "partner"}
        gateway["certificate_scopes"] = {"spiffe://localhost/billing": ["orders.write"], "partner:orders.*": ["orders.read"]}
        route = lambda name, **more: {"name": name, "path": f"/{name}", "upstream": upstream.url, "accept": ["mtls"], **more}
        gateway["routes"] += [
            route("ours"),
            route("theirs", trust_bundles=["partner"]),
            route("both", trust_bundles=["own", "partner"], certificate_names=["orders.internal", "spiffe://localhost/*"]),
            route("written", scopes=["orders.write"], trust_bundles=["own", "partner"]),
        ]

    return start(change)


def connect(instance, files, version=None) -> http.client.HTTPSConnection:
    context = instance.tls(files)
    if version:
        context.minimum_version = context.maximum_version = version
    return http.client.HTTPSConnection("localhost", instance.gateway_port, context=context, timeout=60)


def ask(connection, path):
    """Status and what the service saw."""
    connection.request("GET", path)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    return answer.status, dict(body["headers"]) if "headers" in body else body


def reason(instance, since):
    """Why the last request since then was denied."""
    lines = [json.loads(line) for line in instance.log()[since:].splitlines() if '"audit"' in line]
    return lines[-1]["reason"] if lines else None


@pytest.mark.parametrize("name, names, ours, theirs, both", [
    ("foreign", "URI:spiffe://partner.example/billing", "certificate_bundle_not_accepted", 200, "certificate_not_admitted"),
    ("forged", "URI:spiffe://localhost/billing", *["certificate_foreign_trust_domain"] * 3),
    ("stranger", "URI:spiffe://other.example/billing", *["certificate_foreign_trust_domain"] * 3),
    ("named", "DNS:orders.internal", "certificate_bundle_not_accepted", 200, "certificate_not_admitted"),
])
def test_another_authority_gives_its_own_names_only(instance, partner, name, names, ours, theirs, both):
    connection = connect(instance, partner.issue(name, names))
    for path, expected in (("/ours", ours), ("/theirs", theirs), ("/both", both)):
        before = len(instance.log())
        status, seen = ask(connection, path)
        if expected == 200:
            assert status == 200, seen
            assert seen["countersign-method"] == "mtls"
            assert seen["countersign-issuer"] == ("partner" if name == "named" else "spiffe://partner.example")
        else:
            assert (status, reason(instance, before)) == (403, expected), path
            assert seen["title"] == "Forbidden" and "certificate" not in seen["detail"]
    # A scope given to a name is given to our name.
    status, _ = ask(connection, "/written")
    assert status == 403
    connection.close()


def test_our_own_names_pass(instance):
    files = instance.issue_certificate("uri:spiffe://localhost/billing")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        connection = connect(instance, files, version)
        for path in ("/ours", "/both", "/written"):
            status, seen = ask(connection, path)
            assert status == 200, seen
            assert (seen["countersign-subject"], seen["countersign-issuer"]) == ("spiffe://localhost/billing", "spiffe://localhost")
        assert ask(connection, "/theirs")[0] == 403
        connection.close()


def test_certificates_that_tls_refuses(instance, partner, tmp_path):
    before = len(instance.log())
    other = Authority(tmp_path)
    for files in (
        partner.issue("server", "DNS:server.internal", usage="serverAuth"),
        partner.issue("expired", "DNS:expired.internal", days="-1"),
        other.issue("unknown", "DNS:orders.internal"),
        # The authority itself is nobody's caller.
        (partner.bundle, partner.key),
    ):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with pytest.raises(REFUSED):
                ask(connect(instance, files, version), "/ours")
    assert instance.wait_for_log('"reason":"client_certificate"', since=before)


def resume(instance, context, session) -> http.client.HTTPSConnection:
    """A new connection that offers an old session."""
    connection = http.client.HTTPSConnection("localhost", instance.gateway_port, context=context, timeout=60)
    plain = socket.create_connection(("localhost", instance.gateway_port), timeout=60)
    connection.sock = context.wrap_socket(plain, server_hostname="localhost", session=session)
    return connection


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_revocation_reaches_open_connections_and_old_sessions(instance, version):
    files = instance.issue_certificate(f"uri:spiffe://localhost/leaving-{version.name}")
    connection = connect(instance, files, version)
    assert ask(connection, "/ours")[0] == 200
    context, session = connection.sock.context, connection.sock.session
    again = resume(instance, context, session)
    assert again.sock.session_reused, "sessions are resumed, so that this test tests something"
    assert ask(again, "/ours")[0] == 200
    again.close()

    shown = run(need("openssl", "openssl"), "x509", "-in", files[0], "-noout", "-serial")
    instance.command("cert", "revoke", shown.stdout.strip().partition("=")[2].lower())
    end = time.monotonic() + TOLD_SECONDS
    before = len(instance.log())
    while ask(connection, "/ours")[0] == 200:
        assert time.monotonic() < end, "the revocation never arrived"
        time.sleep(0.05)
        before = len(instance.log())
    assert ask(connection, "/ours")[0] == 403
    assert reason(instance, before) == "certificate_revoked"
    connection.close()
    # Neither the old session nor a new handshake opens the door again.
    with pytest.raises(REFUSED):
        ask(resume(instance, context, session), "/ours")
    with pytest.raises(REFUSED):
        ask(connect(instance, files, version), "/ours")
