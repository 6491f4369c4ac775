"""No secret in any log, whatever the caller does wrong. The run's end checks every instance; here they are provoked."""

import requests


def test_nothing_secret_is_logged(house):
    instance, ca = house.instance, str(house.instance.ca_path)
    token = instance.client_credentials("service", house.service_secret)["access_token"]
    before = len(instance.log())
    ask = lambda path="/", **more: requests.get(instance.gateway + path, verify=ca, timeout=60, **more)
    bearer = {"authorization": f"Bearer {token}"}
    assert ask(headers=bearer).status_code == 200
    assert ask(auth=("robot", house.robot_password)).status_code == 200
    assert ask(headers={"x-api-key": house.api_key}).status_code == 200
    assert ask(f"/url-key?api_key={house.api_key}").status_code == 200
    # In the wrong place, in the wrong scheme, twice, broken.
    ask(f"/?access_token={token}")
    ask(f"/orders?api_key={house.api_key}")
    ask(headers={"authorization": f"Basic {house.api_key}"})
    ask(headers={"authorization": f"ApiKey {token}"})
    ask(headers={"authorization": house.robot_password})
    ask(headers=bearer | {"x-api-key": house.api_key})
    ask(headers={"cookie": f"session={token}", "authorization": f"Bearer {house.api_key}"})
    form = {"grant_type": "password", "client_id": "service", "client_secret": house.service_secret, "username": "alice", "password": house.password}
    assert requests.post(f"{instance.issuer}/token", data=form, timeout=30).status_code == 400
    requests.get(f"{instance.issuer}/authorize", params=form, allow_redirects=False, timeout=30)
    requests.get(f"{instance.issuer}/token?client_secret={house.service_secret}", timeout=30)
    requests.post(f"{instance.issuer}/sign-in", data={"username": "alice", "password": house.password}, timeout=30)
    assert len(instance.log()) > before
    assert instance.leaked() == []


def test_metrics_count_by_method_and_outcome(house):
    text = requests.get(f"{house.instance.management}/metrics", timeout=30).text
    assert "countersign_requests_total{" in text
    for label in ('method="', 'route="', 'outcome="'):
        assert label in text
    assert not any(secret in text for secret in house.instance.secrets.values())
