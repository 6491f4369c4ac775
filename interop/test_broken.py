"""A data directory that is damaged, read-only, full or of a newer version: clear words, nothing lost."""

import os
import signal
import sqlite3
import time

import pytest
import requests

from support.instance import Instance, clean_environment
from support.machine import binary, run


def refused(instance) -> str:
    """Starts it, and what it says when it does not start."""
    done = run(binary(), "serve", "-c", instance.config_path, cwd=instance.directory, env=clean_environment())
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "panicked" not in said, said
    return said


@pytest.fixture()
def stopped(tmp_path, upstream):
    """An instance that has data and does not run."""
    instance = Instance(tmp_path / "instance", upstream.url).start()
    instance.key = instance.add_api_key("first", "alice")["key"]
    instance.stop()
    instance.data = instance.directory / "data"
    return instance


def works(instance):
    answer = requests.get(instance.gateway, headers={"x-api-key": instance.key}, verify=str(instance.ca_path), timeout=30)
    return answer.status_code == 200


def test_damaged(stopped):
    database = stopped.data / "countersign.db"
    database.write_bytes(b"not a database at all " * 400)
    said = refused(stopped)
    assert f"{database.relative_to(stopped.directory)} is damaged" in said and "restore a backup" in said, said
    assert database.read_bytes() == b"not a database at all " * 400


def test_of_a_newer_version(stopped):
    with sqlite3.connect(stopped.data / "countersign.db") as database:
        database.execute("INSERT INTO schema_migrations VALUES (4711, 'later', 'x', '7.8.9')")
    said = refused(stopped)
    assert "4711" in said and "run Countersign 7.8.9 or newer" in said, said
    with sqlite3.connect(stopped.data / "countersign.db") as database:
        database.execute("DELETE FROM schema_migrations WHERE version = 4711")
    assert works(stopped.start())
    stopped.stop()


def read_only(stopped):
    """Takes away the right to write, from root too: as a file system that was mounted so."""
    if os.geteuid() != 0:
        for path in (*stopped.data.iterdir(), stopped.data):
            path.chmod(path.stat().st_mode & 0o555)
        return None
    return mounted(stopped, "size=8m", "ro")


def mounted(stopped, options, then=None):
    """Moves the data onto a small file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system takes root")
    kept = stopped.data.with_name("kept")
    stopped.data.rename(kept)
    stopped.data.mkdir(mode=0o700)
    done = run("mount", "-t", "tmpfs", "-o", options, "tmpfs", stopped.data)
    if done.returncode:
        pytest.skip(f"this machine lets nobody mount: {done.stderr}")
    assert run("cp", "-a", f"{kept}/.", stopped.data).returncode == 0
    if then:
        assert run("mount", "-o", f"remount,{then}", stopped.data).returncode == 0
    return stopped.data


@pytest.fixture()
def unmount():
    places = []
    yield places.append
    for place in filter(None, places):
        assert run("umount", place).returncode == 0


def test_read_only(stopped, unmount):
    unmount(read_only(stopped))
    said = refused(stopped)
    assert "data can't be written" in said and "right to write" in said, said


def fill(directory):
    """Takes every byte that is left."""
    with open(directory / "filler", "wb", buffering=0) as filler:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while filler.write(b"x" * size) == size:
                    pass
            except OSError:
                pass


def until(what, wanted) -> bool:
    """Whether it comes to be so within half a minute."""
    for _ in range(120):
        if what() == wanted:
            return True
        time.sleep(0.25)
    return False


def test_full_at_the_start(stopped, unmount):
    unmount(mounted(stopped, "size=8m"))
    fill(stopped.data)
    said = refused(stopped)
    assert "no space is left" in said and "nothing was lost" in said, said
    (stopped.data / "filler").unlink()
    assert works(stopped.start())
    stopped.stop()


def test_full_while_it_runs(stopped, unmount):
    unmount(mounted(stopped, "size=8m"))
    stopped.start()
    secret = stopped.add_client("reference", "--grant", "client_credentials", "--token-format", "reference", "--auth", "client_secret_post")
    ask = lambda: requests.post(f"{stopped.issuer}/token", timeout=30, data={
        "grant_type": "client_credentials", "client_id": "reference", "client_secret": secret})
    before = [ask().json()["access_token"] for _ in range(3)]
    fill(stopped.data)
    given = []
    # What still fits into the pages there are is answered, and must be there later.
    for _ in range(400):
        answer = ask()
        if answer.status_code != 200:
            break
        given.append(answer.json()["access_token"])
    assert answer.status_code == 503 and answer.json()["error"] == "temporarily_unavailable", answer.text
    assert answer.headers["retry-after"] == "5"
    assert stopped.wait_for_log("no space is left for the database"), stopped.log()[-2000:]
    # It is not ready: noticed with a write of its own, every ten seconds at most.
    ready = lambda: requests.get(f"{stopped.management}/readyz", timeout=30)
    assert until(lambda: ready().status_code, 503) and ready().json()["parts"]["store"] == "failing"
    # Who needs nothing written goes on being served.
    assert works(stopped)
    done = stopped.command("user", "add", "carol", "--generate", check=False)
    assert done.returncode == 1 and "no space is left" in done.stderr, done.stderr
    (stopped.data / "filler").unlink()
    assert ask().status_code == 200
    assert until(lambda: ready().status_code, 200)
    stopped.kill()
    stopped.start()
    for token in before + given:
        answer = requests.get(stopped.gateway, headers={"authorization": f"Bearer {token}"}, verify=str(stopped.ca_path), timeout=30)
        assert answer.status_code == 200, "a token that was answered is lost"
    stopped.stop()


def test_killed_in_the_middle_of_its_first_start(tmp_path, upstream):
    """At a dozen moments of a start that makes everything: what is left is enough to start again."""
    instance = Instance(tmp_path / "instance", upstream.url)
    for step in range(12):
        process = instance.launch()
        time.sleep(0.01 * step)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        if step % 3 == 2:
            instance.start()
            assert "ES256" in instance.command("keys", "list")
            instance.stop()
            run("rm", "-rf", instance.directory / "data")
