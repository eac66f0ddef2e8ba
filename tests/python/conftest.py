"""Fixtures of all tests."""

from collections.abc import Iterator

import pytest
from support import Crm


@pytest.fixture
def crm() -> Iterator[Crm]:
    """A CRM whose requests wait until they are answered."""
    crm = Crm()
    yield crm
    crm.stop()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but the test's own, and no proxy between a test and its server."""
    for name in (
        "token",
        "base_url",
        "edition",
        "timeout",
        "max_retries",
        "ca_bundle",
        "client_cert",
        "client_key",
        "proxy",
    ):
        monkeypatch.delenv(f"IKCRM_{name.upper()}", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
