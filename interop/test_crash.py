"""kill -9 in the middle of writing, and start again: whatever was answered with success is there."""

import threading

import requests

from conftest import REDIRECT
from support.browser import Browser


def test_nothing_answered_is_lost(start):
    def change(config):
        config["log"]["level"] = "info"
        # An answer that was on its way when the power went counts as lost; starting again may take its time.
        config["tokens"]["refresh_grace"] = "90s"

    instance = start(change)
    password = instance.add_user("alice", password="correct horse battery staple")
    instance.add_client("web", "--grant", "authorization_code", "--grant", "refresh_token", "--auth", "none", "--first-party",
                        "--redirect-uri", REDIRECT, "--scopes", "openid offline_access")
    reference = instance.add_client("reference", "--grant", "client_credentials", "--token-format", "reference", "--auth", "client_secret_post")
    browser = Browser()
    challenge = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    def signed_in():
        asked = requests.Request("GET", f"{instance.issuer}/authorize", params={
            "client_id": "web", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid offline_access", "state": "s"} | challenge)
        back = browser.authorize(asked.prepare().url, REDIRECT, "alice", password)
        code = back.split("code=")[1].split("&")[0]
        answer = requests.post(f"{instance.issuer}/token", timeout=30, data={
            "grant_type": "authorization_code", "client_id": "web", "code": code, "redirect_uri": REDIRECT, "code_verifier": verifier})
        assert answer.status_code == 200, answer.text
        return answer.json()["refresh_token"]

    for turn in range(3):
        families = [signed_in() for _ in range(3)]
        answered, running = [], True

        def refresh(place):
            """Turns its refresh token over and over, remembering only what was answered."""
            while running:
                try:
                    answer = requests.post(f"{instance.issuer}/token", timeout=10, data={
                        "grant_type": "refresh_token", "client_id": "web", "refresh_token": families[place]})
                except requests.RequestException:
                    return
                if answer.status_code == 200:
                    families[place] = answer.json()["refresh_token"]

        def issue():
            while running:
                try:
                    answer = requests.post(f"{instance.issuer}/token", timeout=10, data={
                        "grant_type": "client_credentials", "client_id": "reference", "client_secret": reference})
                except requests.RequestException:
                    return
                if answer.status_code == 200:
                    answered.append(answer.json()["access_token"])

        threads = [threading.Thread(target=refresh, args=(place,), daemon=True) for place in range(3)]
        threads.append(threading.Thread(target=issue, daemon=True))
        for thread in threads:
            thread.start()
        for _ in range(600):
            if len(answered) >= 25 + 10 * turn:
                break
            threading.Event().wait(0.05)
        made = instance.add_api_key(f"key {turn}", "alice")
        instance.kill()
        running = False
        for thread in threads:
            thread.join(15)
        instance.start()
        assert len(answered) >= 25
        for place, family in enumerate(families):
            answer = requests.post(f"{instance.issuer}/token", timeout=30, data={
                "grant_type": "refresh_token", "client_id": "web", "refresh_token": family})
            assert answer.status_code == 200, f"turn {turn}, family {place}: {answer.text}"
        for token in answered[-25:]:
            answer = requests.get(instance.gateway, headers={"authorization": f"Bearer {token}"}, verify=str(instance.ca_path), timeout=30)
            assert answer.status_code == 200, answer.text
        answer = requests.get(instance.gateway, headers={"x-api-key": made["key"]}, verify=str(instance.ca_path), timeout=30)
        assert answer.status_code == 200, answer.text
        assert browser.session.cookies and signed_in(), "the sign-in session is there too"
