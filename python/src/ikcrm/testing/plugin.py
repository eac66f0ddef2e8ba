"""What ikcrm gives to pytest: the fixture `ikcrm_sandbox`. `-p no:ikcrm` turns it off."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ikcrm.testing import Sandbox


@pytest.fixture
def ikcrm_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A stand-in CRM for one test, which the environment names meanwhile.

    So `ikcrm.update_opportunity` and `Client.from_env` call it without being told to; any other
    client does by `ikcrm.Client(token=ikcrm_sandbox.token, base_url=ikcrm_sandbox.url)`.
    """
    import ikcrm
    from ikcrm.testing import Sandbox

    with Sandbox() as sandbox:
        for name in [name for name in os.environ if name.startswith("IKCRM_")]:
            monkeypatch.delenv(name)
        for name, value in sandbox.env.items():
            monkeypatch.setenv(name, value)
        ikcrm.reset_client()
        yield sandbox
    ikcrm.reset_client()
