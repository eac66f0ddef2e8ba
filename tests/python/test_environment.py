"""What surrounds the package: the environment's variables, other interpreters, other processes."""

import os
import pickle
import subprocess
import sys

import pytest
from support import TOKEN, Crm, python

import ikcrm


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("IKCRM_TOKEN", "token"),
        ("IKCRM_BASE_URL", "base_url"),
        ("IKCRM_TIMEOUT", "timeout"),
        ("IKCRM_QUOTA", "quota"),
        ("IKCRM_QUOTA_KEY", "quota.key"),
    ],
)
@pytest.mark.parametrize("kind", [ikcrm.Client, ikcrm.AsyncClient])
def test_a_variable_that_is_not_utf8_is_told_by_its_name(
    variable: str, field: str, kind: type[ikcrm.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IKCRM_TOKEN", TOKEN)
    monkeypatch.setenv(variable, os.fsdecode(b"secret-\xff"))
    with pytest.raises(ikcrm.ConfigError) as raised:
        kind.from_env()
    (only,) = raised.value.fields
    assert (only.field, only.code) == (field, "format")
    assert only.message == f"the environment variable {variable} is not UTF-8; encode it as UTF-8"


def test_a_variable_that_is_wrong_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IKCRM_TOKEN", "")
    monkeypatch.setenv("IKCRM_BASE_URL", "lxcrm")
    monkeypatch.setenv("IKCRM_QUOTA", "on")
    with pytest.raises(ikcrm.ConfigError) as raised:
        ikcrm.Client.from_env()
    token, url, quota = (fault.message for fault in raised.value.fields)
    assert token.endswith(
        "; set the environment variable IKCRM_TOKEN, or IKCRM_LOGIN and IKCRM_PASSWORD"
    )
    assert url.endswith("; it comes from the environment variable IKCRM_BASE_URL")
    assert quota.startswith('must be off, or left out; got the text "on"; it comes')


def test_the_environment_is_that_of_python(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    crm.answer_all()
    environment = {
        "IKCRM_TOKEN": TOKEN,
        "IKCRM_BASE_URL": crm.url,
        "IKCRM_QUOTA": "off",
    }
    monkeypatch.setattr(os, "environ", environment)  # which libc does not see
    client = ikcrm.Client.from_env()
    assert client.get_opportunity(568587).id == 568587
    assert client.quota() is None


def test_a_variable_that_is_empty_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IKCRM_TOKEN", "")
    with pytest.raises(ikcrm.ConfigError) as raised:
        ikcrm.Client.from_env()
    assert [(fault.field, fault.code) for fault in raised.value.fields] == [("token", "required")]


def test_a_subinterpreter_is_refused_with_the_reason() -> None:
    code = """
import sys
name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
interpreters = __import__(name)
if len(sys.argv) > 1:
    import ikcrm
inner = interpreters.create("legacy") if sys.version_info >= (3, 13) else interpreters.create()
interpreters.run_string(inner, '''
try:
    import ikcrm
except ImportError as error:
    print(error)
''')
"""
    for first in ([], ["imported before"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *first],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "main interpreter only" in done.stdout
        assert "WSGIApplicationGroup %{GLOBAL}" in done.stdout


LOADS = """
import pickle, sys, warnings
warnings.simplefilter("always")
for _ in range(3):
    pickle.loads(bytes.fromhex(sys.argv[1]))
"""


@pytest.mark.parametrize("kind", [ikcrm.Client, ikcrm.AsyncClient])
def test_a_client_of_another_process_warns_once_of_its_quota(
    kind: type[ikcrm.Client],
) -> None:
    client = kind(token=TOKEN, pickle_secrets=True)
    pickle.loads(pickle.dumps(client))  # in this process they count together: no warning
    with python(LOADS, pickle.dumps(client).hex()) as child:
        _, errors = child.communicate()
    assert child.returncode == 0
    assert errors.count("RuntimeWarning: this client was pickled in another process") == 1
    assert "store=" in errors


@pytest.mark.parametrize("quota", [None, ikcrm.Quota(store="file:///tmp/ikcrm-quota-of-a-test")])
def test_a_client_without_a_quota_of_its_own_does_not_warn(
    quota: ikcrm.Quota | None,
) -> None:
    client = ikcrm.Client(token=TOKEN, pickle_secrets=True, quota=quota)
    with python(LOADS, pickle.dumps(client).hex()) as child:
        assert child.communicate() == ("", "")


def test_a_client_of_the_environment_warns_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IKCRM_TOKEN", TOKEN)
    pickled = pickle.dumps(ikcrm.Client.from_env()).hex()
    with python(LOADS, pickled) as child:
        assert child.communicate()[1].count("RuntimeWarning") == 1
    monkeypatch.setenv("IKCRM_QUOTA", "off")
    with python(LOADS, pickled) as child:
        assert child.communicate() == ("", "")


def test_what_is_given_takes_the_place_of_variables(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm.answer_all()
    for name, value in {
        "TOKEN": TOKEN,
        "EDITION": "wecom",
        "TIMEOUT": "x",
        "QUOTA_CALLS": "x",
    }.items():
        monkeypatch.setenv(f"IKCRM_{name}", value)
    events: list[ikcrm.Event] = []
    client = ikcrm.Client.from_env(
        base_url=crm.url, timeout=5, quota=None, max_retries=None, on_event=events.append
    )
    for one in (
        client,
        pickle.loads(pickle.dumps(ikcrm.Client.from_env(base_url=crm.url, timeout=5, quota=None))),
    ):
        assert one.get_opportunity(568587).id == 568587
    assert events[-1].name == "call_finished"
    with pytest.raises(ikcrm.ConfigError) as raised:
        ikcrm.Client.from_env(timeout=None, quota=None)
    assert [fault.field for fault in raised.value.fields] == ["timeout"]
    with pytest.raises(TypeError, match="hold its token"):
        pickle.dumps(ikcrm.Client.from_env(token="other", timeout=5, quota=None))


def test_a_client_shows_what_it_is_for_and_no_secret() -> None:
    secrets = {"token": TOKEN, "login": "13800000000", "password": "hidden-secret"}
    secrets |= {"proxy": "http://user:hidden-secret@proxy:1"}
    client = ikcrm.Client(**secrets, headers={"X-Key": "hidden-secret"})  # type: ignore[arg-type]
    shown = repr(client)
    assert shown == (
        "<Client https://lxcrm.weiwenjia.com, login ***, 10 calls in 10 s, timeout 30 s, 2 retries>"
    )
    client.close()
    assert repr(client) == "<Client closed>"
