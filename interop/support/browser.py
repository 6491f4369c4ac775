"""A browser of forms: follows links and redirects, keeps cookies, fills in forms by the ids in them. No JavaScript."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

MOST_STEPS = 12


class _Forms(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms = {}
        self._open = None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self._open = {"action": attributes.get("action", ""), "method": attributes.get("method", "get"),
                          "fields": {}, "boxes": {}, "ids": {}, "buttons": {}}
            self.forms[attributes.get("id")] = self._open
        elif self._open is not None and tag in ("input", "textarea"):
            is_box = attributes.get("type") in ("checkbox", "radio")
            if is_box:
                self._open["boxes"][attributes["name"]] = attributes.get("value", "on")
            if not is_box or "checked" in attributes:
                self._open["fields"][attributes["name"]] = attributes.get("value", "")
            if "id" in attributes:
                self._open["ids"][attributes["id"]] = attributes["name"]
        elif self._open is not None and tag == "button" and "id" in attributes:
            self._open["buttons"][attributes["id"]] = (attributes.get("name"), attributes.get("value", ""))

    def handle_endtag(self, tag):
        if tag == "form":
            self._open = None


class Browser:
    """One person's browser."""

    def __init__(self):
        self.session = requests.Session()
        self.session.trust_env = False
        self.page = None

    def open(self, url: str, stop_at: str | None = None) -> str | None:
        """Opens a page. Returns the URL if the server sends us to `stop_at`, the application's own address."""
        return self._follow(self.session.get(url, allow_redirects=False, timeout=30), stop_at)

    def form(self, form_id: str) -> dict:
        parser = _Forms()
        parser.feed(self.page.text)
        assert form_id in parser.forms, f"no form {form_id} at {self.page.url}: {self.page.status_code}\n{self.page.text[:2000]}"
        return parser.forms[form_id]

    def has_form(self, form_id: str) -> bool:
        parser = _Forms()
        parser.feed(self.page.text)
        return form_id in parser.forms

    def submit(self, form_id: str, button: str, stop_at: str | None = None, without: tuple = (),
               ticking: tuple = (), **by_id: str) -> str | None:
        """Fills in fields by id, unticks and ticks boxes by name, and presses a button by id."""
        form = self.form(form_id)
        fields = dict(form["fields"])
        for box in without:
            del fields[box]
        for box in ticking:
            assert box in form["boxes"], f"no box {box} in {form_id}"
            fields[box] = form["boxes"][box]
        for field_id, value in by_id.items():
            fields[form["ids"][field_id]] = value
        name, value = form["buttons"][button]
        if name:
            fields[name] = value
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.page.url))
        answer = self.session.post(urljoin(self.page.url, form["action"]), data=fields, allow_redirects=False, timeout=60,
                                   headers={"Origin": origin, "Referer": self.page.url})
        return self._follow(answer, stop_at)

    def _follow(self, answer, stop_at):
        for _ in range(MOST_STEPS):
            if not answer.is_redirect:
                self.page = answer
                return None
            url = urljoin(answer.url, answer.headers["location"])
            if stop_at and url.startswith(stop_at):
                return url
            answer = self.session.get(url, allow_redirects=False, timeout=30)
        raise AssertionError(f"more than {MOST_STEPS} redirects, last to {answer.url}")

    def authorize(self, url: str, redirect_uri: str, username: str, password: str) -> str:
        """Signs in and allows, as far as we are asked; the URL with which the application is called back."""
        back = self.open(url, redirect_uri)
        if back is None and self.has_form("sign-in"):
            back = self.submit("sign-in", "login-submit", redirect_uri, username=username, password=password)
        if back is None and self.has_form("consent"):
            back = self.submit("consent", "consent-allow", redirect_uri)
        assert back, f"not called back; at {self.page.url}: {self.page.status_code}\n{self.page.text[:2000]}"
        return back
