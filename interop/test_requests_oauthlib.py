"""PyPI requests-oauthlib (on oauthlib): code + PKCE, refresh by itself, client credentials, the device flow."""

import time

import pytest
import requests
from oauthlib.oauth2 import BackendApplicationClient, DeviceClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from conftest import REDIRECT
from support.browser import Browser


@pytest.fixture(scope="module", autouse=True)
def plain_http():
    """The library wants https everywhere; the instances of these suites have it at the gateway alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
        yield


@pytest.fixture(scope="module")
def endpoints(house):
    return requests.get(f"{house.instance.issuer}/.well-known/oauth-authorization-server", timeout=30).json()


def session(house, client_id="web", **more):
    made = OAuth2Session(client_id, **more)
    made.trust_env = False
    made.verify = str(house.instance.ca_path)
    return made


def remember(house, token):
    for name in ("access_token", "refresh_token", "id_token"):
        if name in token:
            house.instance.secret(f"{name} of requests-oauthlib {len(house.instance.secrets)}", token[name])
    return token


def code_flow(house, endpoints, **more):
    web = session(house, scope=["openid", "offline_access", "orders.read"], redirect_uri=REDIRECT, pkce="S256", **more)
    url, state = web.authorization_url(endpoints["authorization_endpoint"])
    back = Browser().authorize(url, REDIRECT, "alice", house.password)
    assert f"state={state}" in back
    token = web.fetch_token(endpoints["token_endpoint"], authorization_response=back, include_client_id=True)
    return web, remember(house, token)


def test_code_with_pkce_and_a_call(house, endpoints):
    web, token = code_flow(house, endpoints)
    assert token["token_type"].lower() == "bearer" and set(token["scope"]) == {"openid", "offline_access", "orders.read"}
    assert web.get(f"{house.instance.gateway}/orders/7", timeout=30).status_code == 200


def test_an_expired_token_is_refreshed_by_itself(house, endpoints):
    kept = []
    web, token = code_flow(house, endpoints, auto_refresh_url=endpoints["token_endpoint"],
                           auto_refresh_kwargs={"client_id": "web"}, token_updater=kept.append)
    web.token = token | {"expires_at": time.time() - 1}
    assert web.get(f"{house.instance.gateway}/orders/7", timeout=30).status_code == 200
    (new,) = kept
    remember(house, new)
    assert new["access_token"] != token["access_token"] and new["refresh_token"] != token["refresh_token"]


def test_a_code_counts_once(house, endpoints):
    web = session(house, scope=["openid"], redirect_uri=REDIRECT, pkce="S256")
    url, _ = web.authorization_url(endpoints["authorization_endpoint"])
    back = Browser().authorize(url, REDIRECT, "alice", house.password)
    remember(house, web.fetch_token(endpoints["token_endpoint"], authorization_response=back, include_client_id=True))
    with pytest.raises(OAuth2Error) as refused:
        web.fetch_token(endpoints["token_endpoint"], authorization_response=back, include_client_id=True)
    assert refused.value.error == "invalid_grant" and refused.value.status_code == 400


def test_client_credentials(house, endpoints):
    # In the body, and in the header.
    service = session(house, client=BackendApplicationClient("service", scope=["orders.read"]))
    token = service.fetch_token(endpoints["token_endpoint"], client_secret=house.service_secret, include_client_id=True)
    remember(house, token)
    assert service.get(f"{house.instance.gateway}/orders/7", timeout=30).status_code == 200
    resource = session(house, client=BackendApplicationClient("resource", scope=["orders.read"]))
    token = resource.fetch_token(endpoints["token_endpoint"], auth=HTTPBasicAuth("resource", house.resource_secret))
    assert remember(house, token)["scope"] == ["orders.read"]
    with pytest.raises(OAuth2Error) as refused:
        resource.fetch_token(endpoints["token_endpoint"], auth=HTTPBasicAuth("resource", "wrong"))
    assert refused.value.error == "invalid_client" and refused.value.status_code == 401


def test_the_device_flow(house, endpoints):
    house.instance.add_client("printer", "--name", "Printer", "--grant", "device_code", "--auth", "none",
                              "--scopes", "orders.read")
    client = DeviceClient("printer")
    asked = client.prepare_request_uri(endpoints["device_authorization_endpoint"], scope=["orders.read"])
    # The library writes the request as a query; RFC 8628 §3.1 has it in the body.
    address, query = asked.split("?")
    codes = requests.post(address, data=query, timeout=30,
                          headers={"Content-Type": "application/x-www-form-urlencoded"}).json()
    house.instance.secret("device code of oauthlib", codes["device_code"])
    browser = Browser()
    browser.open(codes["verification_uri_complete"])
    browser.submit("sign-in", "login-submit", username="alice", password=house.password)
    browser.submit("device", "device-continue")
    browser.submit("device-decision", "device-allow")
    body = client.prepare_request_body(codes["device_code"], include_client_id=True)
    answer = requests.post(endpoints["token_endpoint"], data=body, timeout=30,
                           headers={"Content-Type": "application/x-www-form-urlencoded"})
    token = remember(house, client.parse_request_body_response(answer.text))
    tv = session(house, client=client, token=token)
    assert tv.get(f"{house.instance.gateway}/orders/7", timeout=30).status_code == 200
