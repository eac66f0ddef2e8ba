"""`Client`, whose calls wait for their answer, and the same with the environment's settings."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ikcrm import _native
from ikcrm.quota import Quota, QuotaStatus

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self, Unpack

    from ikcrm.arguments import ClientOptions, Id, OpportunityUpdate
    from ikcrm.records import Opportunity


class BaseClient:
    """The settings and connections that `Client` and `AsyncClient` have."""

    __slots__ = ("__weakref__", "_native", "_options")

    _native: _native.Client
    _options: ClientOptions | None

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        """Makes a client; no connection is opened yet.

        Raises `ConfigError` with every fault of the settings.
        """
        self._options = options
        quota = options.get("quota")
        settings = {"quota": quota._asdict()} if isinstance(quota, Quota) else {}
        self._native = _native.Client({**options, **settings})

    @classmethod
    def from_env(cls) -> Self:
        """A client with the settings of the environment.

        They are `IKCRM_TOKEN`, or `IKCRM_LOGIN`, `IKCRM_PASSWORD` and `IKCRM_CORP_ID`;
        `IKCRM_BASE_URL`, `IKCRM_EDITION`, `IKCRM_TIMEOUT` (seconds), `IKCRM_MAX_RETRIES`,
        `IKCRM_CA_BUNDLE`, `IKCRM_PROXY` (`env`), `IKCRM_SIGN_IN_INTERVAL` (seconds); and of the
        quota `IKCRM_QUOTA_CALLS`, `IKCRM_QUOTA_PER`, `IKCRM_QUOTA_MAX_WAIT` (seconds),
        `IKCRM_QUOTA_STORE`, `IKCRM_QUOTA_KEY`, `IKCRM_QUOTA_FALLBACK`, or `IKCRM_QUOTA=off`.

        Raises `ConfigError` with every fault of the settings.
        """
        client = cls.__new__(cls)
        client._options = None
        client._native = _native.Client.from_env()
        return client

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the settings, **with the token**; those of the environment are read anew."""
        return _made, (type(self), self._options)


def _made(cls: type[BaseClient], options: ClientOptions | None) -> BaseClient:
    return cls.from_env() if options is None else cls(**options)


class Client(BaseClient):
    """A client of one CRM with one token.

    Any number of threads may share it. A process that was forked makes connections of its own.

        with ikcrm.Client(token="the open-API token") as client:
            opportunity = client.update_opportunity(568587, title="ccc", customer_id=1)

    A pickled client holds the token, unless `from_env` made it.
    """

    __slots__ = ()

    def update_opportunity(self, id: Id, **fields: Unpack[OpportunityUpdate]) -> Opportunity:
        """Updates an opportunity: `PUT /api/v2/opportunities/:id`.

        Takes the fields of `OpportunityFields`, where one that is left out keeps its value and
        `None` clears it; `custom` fields by their keys; and for this call alone `timeout`
        (seconds), `max_retries`, and `partial`, which lets `title` and `customer_id` be left out.

        Returns the opportunity as the CRM has it now.

        Raises
            ValidationError: with every fault of the values, before anything is sent.
            ApiError: when the CRM refused: `AuthError`, `NotFoundError`,
                `InvalidParametersError`, `RateLimitedError`, `ServerError`, or itself.
            TransportError: when the CRM could not be reached or the connection broke;
                `RequestTimeoutError` when the time ran out.
            InvalidAnswerError: when what came back is not an answer of this API.
        """
        return self._native.update_opportunity(id, fields)

    def quota(self) -> QuotaStatus | None:
        """How much of the quota is used now; `None` when it is turned off.

        Raises `QuotaStoreError` when the quota's store cannot be reached.
        """
        usage = self._native.quota()
        return usage and QuotaStatus(*usage)

    def close(self) -> None:
        """Closes idle connections. Calls under way go on; new ones raise a `RuntimeError`."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def update_opportunity(id: Id, **fields: Unpack[OpportunityUpdate]) -> Opportunity:
    """Updates an opportunity with a client of the whole process, made on first use.

    The settings are the environment's; see `Client.from_env` and `Client.update_opportunity`.

    Raises `ConfigError` when the settings are wrong, and what the client's method raises.
    """
    return _of_process().update_opportunity(id, **fields)


_of_process = cache(Client.from_env)
