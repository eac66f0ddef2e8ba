"""`Settings`: what a client was given, where no traceback shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ikcrm.quota import Quota

if TYPE_CHECKING:
    from ikcrm.arguments import ClientOptions


class Settings:
    """A client's settings. Tools that print the variables of a traceback print only their names.

    It is no mapping, whose items such tools would print.
    """

    __slots__ = ("_given", "pickle_secrets")

    def __init__(self, given: ClientOptions, pickle_secrets: bool) -> None:
        self._given = given
        self.pickle_secrets = pickle_secrets
        """Whether a pickle may hold the secrets."""

    @property
    def given(self) -> ClientOptions:
        """The settings as they were given."""
        return self._given

    def for_core(self) -> dict[str, Any]:
        """The settings as the core takes them."""
        quota = self._given.get("quota")
        settings = {"quota": quota._asdict()} if isinstance(quota, Quota) else {}
        return {**self._given, **settings, "pickle_secrets": self.pickle_secrets}

    def secrets(self) -> list[str]:
        """The names of the settings that hold a secret."""
        found = [name for name in ("token", "password") if self._given.get(name) is not None]
        found += ["headers"] if self._given.get("headers") else []
        quota = self._given.get("quota")
        found += ["quota.password"] if isinstance(quota, Quota) and quota.password else []
        urls = {"proxy": self._given.get("proxy"), "quota.store": self._quota_store()}
        return found + [name for name, url in urls.items() if "@" in str(url)]

    def counts_alone(self) -> bool:
        """Whether a process with these settings keeps a quota of its own."""
        return self._given.get("quota", ...) is not None and self._quota_store() is None

    def _quota_store(self) -> str | None:
        quota = self._given.get("quota")
        return quota.store if isinstance(quota, Quota) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._given == other._given

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._given, self.pickle_secrets)

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}=***' for name in self._given)})"
