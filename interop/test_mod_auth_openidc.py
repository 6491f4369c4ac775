"""Apache's mod_auth_openidc, from Debian: as a relying party that signs people in (code with PKCE, userinfo, refresh,
logout), and as a resource server that checks tokens by the JWK Set and by introspection."""

import secrets

import pytest
import requests

from support.apache import Apache
from support.browser import Browser

PAGES = "Require valid-user\n  Header set X-User expr=%{REMOTE_USER}"


@pytest.fixture(scope="module")
def instance(start):
    """One that speaks TLS: the module fetches over nothing less."""

    def change(config):
        config["server"]["issuer"] = config["server"]["issuer"].replace("http:", "https:")
        config["server"]["tls"] = {"built_in_ca": ["localhost"]}

    made = start(change)
    made.issuer = made.issuer.replace("http:", "https:")
    return made


@pytest.fixture(scope="module")
def password(instance):
    return instance.add_user("alice", "--display-name", "Alice Example", "--email", "alice@example.com",
                             password=secrets.token_urlsafe(18))


@pytest.fixture(scope="module")
def apache(instance):
    """Three sites: an application that signs people in, and an API that knows tokens in two ways."""

    def application(port):
        callback = f"http://localhost:{port}/app/callback"
        secret = instance.add_client("apache-web", "--grant", "authorization_code", "--grant", "refresh_token", "--auth",
                                     "client_secret_basic", "--redirect-uri", callback, "--introspect",
                                     "--scopes", "openid profile email offline_access")
        return f"""
OIDCProviderMetadataURL {instance.issuer}/.well-known/openid-configuration
OIDCClientID apache-web
OIDCClientSecret {secret}
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCRedirectURI {callback}
OIDCScope "openid profile email offline_access"
OIDCPKCEMethod S256
OIDCCryptoPassphrase {secrets.token_urlsafe(24)}
OIDCInfoHook access_token id_token userinfo refresh_token session
<Location /app>
  AuthType openid-connect
  {PAGES}
  Header set X-Email "%{{OIDC_CLAIM_email}}e"
</Location>"""

    def by_key_set(_):
        # The module looks at signature and time; the rest is what the site requires.
        return f"""
OIDCOAuthVerifyJwksUri {instance.issuer}/jwks
OIDCOAuthRemoteUserClaim client_id
<Location /api>
  AuthType oauth20
  <RequireAll>
    Require claim iss:{instance.issuer}
    Require claim aud:{instance.issuer}
    Require claim "scope~(^| )orders.read( |$)"
  </RequireAll>
  Header set X-User expr=%{{REMOTE_USER}}
</Location>"""

    def by_introspection(_):
        secret = instance.add_client("apache-api", "--grant", "client_credentials", "--introspect", "--auth", "client_secret_basic")
        return f"""
OIDCOAuthIntrospectionEndpoint {instance.issuer}/introspect
OIDCOAuthClientID apache-api
OIDCOAuthClientSecret {secret}
OIDCOAuthIntrospectionEndpointAuth client_secret_basic
OIDCOAuthTokenIntrospectionInterval -1
OIDCOAuthRemoteUserClaim client_id
<Location /api>
  AuthType oauth20
  Require claim "scope~(^| )orders.read( |$)"
  Header set X-User expr=%{{REMOTE_USER}}
</Location>"""

    for form in ("jwt", "reference"):
        made = instance.add_client(f"caller-{form}", "--grant", "client_credentials", "--token-format", form,
                                   "--auth", "client_secret_post", "--scopes", "orders.read orders.write")
        CALLERS[form] = made
    made = Apache(instance.ca_path, [application, by_key_set, by_introspection])
    yield made
    made.close()


CALLERS: dict[str, str] = {}


def person(instance) -> Browser:
    browser = Browser()
    browser.session.verify = str(instance.ca_path)
    return browser


def sign_in(instance, apache, password) -> tuple[Browser, str]:
    """A browser that has come through to the application, and the application's address."""
    browser, app = person(instance), f"http://localhost:{apache.ports[0]}/app"
    browser.open(f"{app}/")
    if browser.has_form("sign-in"):
        browser.submit("sign-in", "login-submit", username="alice", password=password)
    if browser.has_form("consent"):
        browser.submit("consent", "consent-allow")
    return browser, app


def what_it_holds(instance, browser, app) -> dict:
    """The module's own account of the session."""
    answer = browser.session.get(f"{app}/callback?info=json", timeout=30)
    assert answer.status_code == 200, answer.text
    held = answer.json()
    for name in ("access_token", "refresh_token"):
        instance.secret(f"{name} of Apache {len(instance.secrets)}", held[name])
    return held


def live(instance, client, secret, token) -> bool:
    answer = requests.post(f"{instance.issuer}/introspect", data={"token": token}, auth=(client, secret),
                           verify=str(instance.ca_path), timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["active"]


def test_a_person_signs_in(instance, apache, password):
    browser, app = sign_in(instance, apache, password)
    page = browser.page
    assert page.status_code == 200 and page.url.startswith(app), (page.url, page.status_code, apache.log()[-3000:])
    assert page.text == "this is app/index.html\n"
    assert page.headers["x-email"] == "alice@example.com"
    held = what_it_holds(instance, browser, app)
    assert held["id_token"]["iss"] == instance.issuer and held["id_token"]["aud"] in ("apache-web", ["apache-web"])
    assert held["userinfo"]["sub"] == held["id_token"]["sub"] and held["userinfo"]["name"] == "Alice Example"
    assert page.headers["x-user"].startswith(held["id_token"]["sub"])


def test_nobody_else_comes_in(instance, apache):
    app = f"http://localhost:{apache.ports[0]}/app"
    for query in ("?code=x&state=y", "?error=access_denied&state=y", ""):
        answer = requests.get(f"{app}/callback{query}", timeout=30, allow_redirects=False)
        assert "x-user" not in answer.headers and "this is" not in answer.text, query
    away = requests.get(f"{app}/", timeout=30, allow_redirects=False)
    assert away.status_code == 302 and away.headers["location"].startswith(f"{instance.issuer}/authorize?")
    assert "code_challenge_method=S256" in away.headers["location"]


def test_it_refreshes(instance, apache, password):
    browser, app = sign_in(instance, apache, password)
    before = what_it_holds(instance, browser, app)
    browser.session.get(f"{app}/callback", timeout=30, allow_redirects=False,
                        params={"refresh": f"{app}/", "access_token": before["access_token"]})
    after = what_it_holds(instance, browser, app)
    assert after["access_token"] != before["access_token"] and after["refresh_token"] != before["refresh_token"]


def test_it_signs_out_and_gives_back_what_it_held(instance, apache, password):
    browser, app = sign_in(instance, apache, password)
    held = what_it_holds(instance, browser, app)
    out = browser.session.get(f"{app}/callback", timeout=30, allow_redirects=False,
                              params={"logout": f"http://localhost:{apache.ports[0]}/signed-out.html"})
    assert out.status_code == 302, out.text
    again = browser.session.get(f"{app}/", timeout=30, allow_redirects=False)
    assert again.status_code == 302 and again.headers["location"].startswith(f"{instance.issuer}/authorize?")
    # The module revokes its tokens (RFC 7009) where the metadata name an endpoint for it.
    secret = next(value for name, value in instance.secrets.items() if name == "secret of apache-web")
    assert not live(instance, "apache-web", secret, held["refresh_token"])
    assert not live(instance, "apache-web", secret, held["access_token"])


def call(apache, site: int, token: str | None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"http://localhost:{apache.ports[site]}/api/", headers=headers, timeout=30)


def token_for(instance, form: str, scope: str = "orders.read") -> str:
    answer = requests.post(f"{instance.issuer}/token", verify=str(instance.ca_path), timeout=30, data={
        "grant_type": "client_credentials", "client_id": f"caller-{form}", "client_secret": CALLERS[form], "scope": scope})
    assert answer.status_code == 200, answer.text
    return instance.secret(f"token for Apache's API {len(instance.secrets)}", answer.json()["access_token"])


@pytest.mark.parametrize("site, form", [(1, "jwt"), (2, "jwt"), (2, "reference")])
def test_as_a_resource_server(instance, apache, site, form):
    good = call(apache, site, token_for(instance, form))
    assert good.headers.get("x-user") == f"caller-{form}", (good.status_code, apache.log()[-30000:])
    assert good.status_code == 200 and good.text == "this is api/index.html\n"
    nobody = call(apache, site, None)
    assert nobody.status_code == 401 and nobody.headers["www-authenticate"].startswith("Bearer")
    token = token_for(instance, form)
    flipped = token[:-8] + ("A" if token[-8] != "A" else "B") + token[-7:]
    assert call(apache, site, flipped).status_code == 401
    assert call(apache, site, token_for(instance, form, "orders.write")).status_code in (401, 403)


def test_a_revoked_token_ends_where_it_is_introspected(instance, apache):
    token = token_for(instance, "reference")
    assert call(apache, 2, token).status_code == 200
    done = requests.post(f"{instance.issuer}/revoke", data={"token": token, "client_id": "caller-reference",
                         "client_secret": CALLERS["reference"]}, verify=str(instance.ca_path), timeout=30)
    assert done.status_code == 200
    assert call(apache, 2, token).status_code == 401
