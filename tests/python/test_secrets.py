"""No secret is in what a tool prints of a traceback: not in an error, not in a variable of ours."""

import asyncio
import json
import pickle
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from support import FIELDS, Crm

import ikcrm

PACKAGE = str(Path(ikcrm.__file__).parent)
SECRET = "hidden-secret"
SECRETS: dict[str, Any] = {
    "token": SECRET,
    "login": "demo",
    "password": SECRET,
    "proxy": f"http://user:{SECRET}@127.0.0.1:9",
    "quota": ikcrm.Quota(store=f"redis://user:{SECRET}@127.0.0.1:9/0"),
}


def errors_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def our_frames(error: BaseException) -> Iterator[FrameType]:
    for one in errors_of(error):
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename.startswith(PACKAGE):
                yield frame


def printed(value: Any) -> str:
    """A variable as tools print it that go into what it holds, such as Sentry."""
    if isinstance(value, Mapping):
        return " ".join(printed(item) for pair in value.items() for item in pair)
    if isinstance(value, list | tuple | set):
        return " ".join(map(printed, value))
    return repr(value)


def check_shows_no_secret(error: BaseException) -> None:
    frames = list(our_frames(error))
    assert frames
    for frame in frames:
        for name, value in frame.f_locals.items():
            assert SECRET not in printed(value), (frame.f_code.co_name, name)
    for one in errors_of(error):
        assert SECRET not in f"{one!r} {one} {printed(vars(one))}"


@pytest.mark.parametrize("kind", [ikcrm.Client, ikcrm.AsyncClient])
@pytest.mark.parametrize("name", SECRETS)
def test_a_setting_that_is_refused_shows_no_secret_beside_it(kind: Any, name: str) -> None:
    for options in ({name: SECRETS[name]}, SECRETS):
        with pytest.raises(ikcrm.ConfigError) as raised:
            kind(**options, timeout=-1)
        check_shows_no_secret(raised.value)


@pytest.mark.parametrize("name", ["token", "password", "login", "corp_id", "proxy", "base_url"])
def test_a_secret_of_a_wrong_type_is_not_shown(name: str) -> None:
    options: Any = {name: [SECRET]}
    with pytest.raises(ikcrm.ConfigError) as raised:
        ikcrm.Client(**options)
    check_shows_no_secret(raised.value)


def test_the_environment_is_in_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IKCRM_TOKEN", SECRET)
    monkeypatch.setenv("IKCRM_TIMEOUT", "-1")
    for make in (
        ikcrm.Client.from_env,
        ikcrm.AsyncClient.from_env,
        lambda: ikcrm.update_opportunity(1, **FIELDS),
    ):
        with pytest.raises(ikcrm.ConfigError) as raised:
            make()
        check_shows_no_secret(raised.value)


def test_a_client_that_cannot_be_pickled_shows_no_secret() -> None:
    with pytest.raises(TypeError, match="its token and password and proxy and quota") as raised:
        pickle.dumps(ikcrm.Client(**SECRETS))
    check_shows_no_secret(raised.value)


def test_a_pickle_that_no_longer_fits_shows_no_secret() -> None:
    client = ikcrm.Client(pickle_secrets=True, **SECRETS)
    assert client._settings is not None
    client._settings.given["timeout"] = -1
    with pytest.raises(ikcrm.ConfigError) as raised:
        pickle.loads(pickle.dumps(client))
    check_shows_no_secret(raised.value)


class Failing:
    """A token store that raises when a token is put into it."""

    def get(self) -> str | None:
        return None

    def set(self, _: str) -> None:
        raise OSError("the disk is full")


def sign_in(crm: Crm) -> None:
    crm.answer_all(json.dumps({"code": 0, "data": {"id": 1, "user_token": SECRET}}))


def test_a_failing_store_shows_no_secret(crm: Crm) -> None:
    sign_in(crm)
    options = crm.options(login="demo", password=SECRET, token=None, token_store=Failing())
    with pytest.raises(ikcrm.TokenStoreError) as raised:
        ikcrm.Client(**options).update_opportunity(1, **FIELDS)
    check_shows_no_secret(raised.value)
    with pytest.raises(ikcrm.TokenStoreError) as raised:
        asyncio.run(ikcrm.AsyncClient(**options).update_opportunity(1, **FIELDS))
    check_shows_no_secret(raised.value)


@pytest.mark.parametrize("got", [SECRET.encode(), [SECRET], f"{SECRET}\ud83d"])
def test_a_token_of_a_wrong_type_is_not_shown(got: Any, crm: Crm) -> None:
    class Store(Failing):
        def get(self) -> Any:
            return got

    with pytest.raises(ikcrm.TokenStoreError, match=r"get\(\) (must return|returned)") as raised:
        crm.client(token=None, token_store=Store()).update_opportunity(1, **FIELDS)
    check_shows_no_secret(raised.value)
    assert not hasattr(raised.value.__cause__, "object")


def test_a_quota_is_no_tuple_whose_items_show_the_password() -> None:
    quota: ikcrm.Quota = SECRETS["quota"]
    assert SECRET not in printed(quota)
    assert quota.store == f"redis://user:{SECRET}@127.0.0.1:9/0"
