"""`Sandbox`: the stand-in CRM, and the requests that it shows."""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, overload
from urllib.parse import parse_qs

from ikcrm import _native
from ikcrm.json_text import json_text
from ikcrm.quota import Quota
from ikcrm.records import Opportunity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    Object: TypeAlias = Mapping[str, Any] | Opportunity

Fault: TypeAlias = Literal["reset", "hang", "garbage"]
"""What goes wrong with the connection: it is reset, nothing comes, what comes is no HTTP."""

Route: TypeAlias = (
    Literal[
        "POST /api/v2/auth/login",
        "PUT /api/v2/opportunities/:id",
        "GET /api/v2/opportunities/:id",
        "GET /api/v2/opportunities",
        "GET /api/v2/field_maps/:entity",
        "GET /api/v2/custom_fields/:entity/by_group",
    ]
    | str
)
"""The calls of an endpoint, or those of one path, as `PUT /api/v2/opportunities/568587`."""


class SentRequest(NamedTuple):
    """A request that came. Tokens and passwords in it are masked by `•••`."""

    method: str
    """The method, such as `PUT`."""
    path: str
    """The path, without the query."""
    query: dict[str, list[str]]
    """The parameters of the query."""
    route: str | None
    """The endpoint, as `PUT /api/v2/opportunities/:id`; `None` when there is no such page."""
    headers: dict[str, str]
    """The headers, their names in lower case."""
    body: Any
    """What the JSON of the body says, or the body's text; `None` when there was none."""


class Sandbox:
    """A stand-in CRM in this process, which begins with data as the vendor documents them.

    It listens on 127.0.0.1 from the start until `close`, or the end of its `with` block. Any number
    of sandboxes may run at once. A forked process can call its URL, but only the process that
    started it can use its methods.

    It holds the opportunity 568587 of customer 1522636, 60 more from 600001 on, and the customers
    1, 11, 12 and 13. Unless there are `accounts` (login, password, ids of enterprises), one may
    sign in as `demo@example.com` with `demo-password`, and for the enterprises 1001 and 1002 as
    `group@example.com` with `group-password`.

    It admits any number of calls unless a `quota` is given, of which `calls` and `per` count. Each
    answer takes `latency` seconds.
    """

    def __init__(
        self,
        *,
        token: str = "sandbox-token",
        accounts: Iterable[tuple[str, str, Iterable[str]]] = (),
        port: int = 0,
        quota: Quota | None = None,
        latency: float = 0.0,
    ) -> None:
        known = [(login, password, list(corp_ids)) for login, password, corp_ids in accounts]
        self._native = _native.Sandbox(token, known, port, _calls(quota), latency)
        self._token = token

    @property
    def url(self) -> str:
        """The base URL."""
        return self._native.url

    @property
    def token(self) -> str:
        """The token that lives for ever."""
        return self._token

    @property
    def env(self) -> dict[str, str]:
        """The environment in which `Client.from_env` makes clients of this sandbox.

        They keep no quota, for which tests would wait.
        """
        return {"IKCRM_BASE_URL": self.url, "IKCRM_TOKEN": self.token, "IKCRM_QUOTA": "off"}

    def seed(
        self,
        *,
        opportunities: Iterable[Object] | None = None,
        customers: Iterable[Mapping[str, Any]] | None = None,
        users: Iterable[Mapping[str, Any]] | None = None,
        stages: Iterable[str | Mapping[str, Any]] | None = None,
    ) -> None:
        """Puts in what is given, in place of what there is of it; the other kinds stay.

            sandbox.seed(
                customers=[{"id": 7, "name": "某客户"}],
                opportunities=[{"id": 1, "title": "一", "customer_id": 7, "stage": "赢单"}],
            )

        An opportunity has the fields that an update takes (`stage`, `source` and `kind` also by
        their labels, custom fields by their keys) and any other keys of an answer. Without an id it
        gets one; without a title or a customer it gets some. A stage is a label, or has `id`,
        `label` and perhaps `enabled`.

        Raises `ValueError` when something is wrong; nothing is put in then.
        """
        kinds = {
            "opportunities": opportunities,
            "customers": customers,
            "users": users,
            "stages": stages,
        }
        given = {kind: list(items) for kind, items in kinds.items() if items is not None}
        self._native.seed(json_text(given))

    @overload
    def fail_next(self, *, status: int, times: int = 1, route: Route | None = None) -> None: ...
    @overload
    def fail_next(self, *, code: int, times: int = 1, route: Route | None = None) -> None: ...
    @overload
    def fail_next(self, *, fault: Fault, times: int = 1, route: Route | None = None) -> None: ...
    def fail_next(
        self,
        *,
        status: int | None = None,
        code: int | None = None,
        fault: Fault | None = None,
        times: int = 1,
        route: Route | None = None,
    ) -> None:
        """Lets the next calls fail; one that fails is not carried out.

        They get an HTTP `status` (429 with the CRM's `Retry later`), or the CRM's refusal with a
        `code` (100401: the token is dead), or a `fault` of the connection. So many `times` they
        fail, of any `route` or of one: `PUT /api/v2/opportunities/:id`, or for one opportunity
        alone `PUT /api/v2/opportunities/568587`. Failures come in the order in which they were
        planned.

        Raises `ValueError` when that cannot be.
        """
        self._native.fail_next(status, code, fault, times, route)

    @property
    def requests(self) -> list[SentRequest]:
        """The requests that came, the oldest first; of more than 10,000 the newest."""
        return [_request(**request) for request in loads(self._native.requests())]

    def opportunity(self, id: int) -> Opportunity | None:
        """An opportunity as the sandbox holds it now."""
        text = self._native.opportunity(id)
        return None if text is None else Opportunity(text)

    @property
    def latency(self) -> float:
        """How many seconds each answer takes. It can be set, for the calls that come then."""
        return self._native.latency()

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._native.set_latency(seconds)

    @property
    def quota(self) -> Quota | None:
        """How many calls are admitted; `None` when all are. It can be set.

        A call over quota gets the CRM's `Retry later`.
        """
        calls = self._native.quota()
        return calls and Quota(*calls)

    @quota.setter
    def quota(self, quota: Quota | None) -> None:
        self._native.set_quota(_calls(quota))

    def reset(self) -> None:
        """Makes all as it was at the start: data, tokens, settings, requests, planned failures."""
        self._native.reset()

    def close(self) -> None:
        """Stops: calls under way break off, and its threads and sockets are gone."""
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

    def __repr__(self) -> str:
        return f"<Sandbox {self.url}>"


def _calls(quota: Quota | None) -> tuple[int, float] | None:
    return None if quota is None else (quota.calls, quota.per)


def _request(query: str, headers: list[tuple[str, str]], **parts: Any) -> SentRequest:
    parameters = parse_qs(query, keep_blank_values=True)
    return SentRequest(query=parameters, headers=dict(headers), **parts)
