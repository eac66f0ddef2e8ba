"""`Client`, whose calls wait for their answer, and the same with the environment's settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any
from warnings import warn

from ikcrm import _native, jobs
from ikcrm._typing import Self, Unpack
from ikcrm.arguments import (
    ApplyOptions,
    CallOptions,
    ClientOptions,
    Id,
    OpportunityQuery,
    OpportunityUpdate,
    PlanOptions,
    SheetOptions,
    UpdatesOptions,
)
from ikcrm.events import Events
from ikcrm.field_map import FieldMap
from ikcrm.jobs import JobRows
from ikcrm.lists import OpportunityList
from ikcrm.quota import QuotaStatus
from ikcrm.records import Opportunity
from ikcrm.settings import Settings
from ikcrm.update_job import UpdateJob

if TYPE_CHECKING:
    from collections.abc import Awaitable


class BaseClient:
    """The settings and connections that `Client` and `AsyncClient` have."""

    _native: _native.Client
    _settings: Settings
    _from_env: bool = False

    def __init__(self, *, pickle_secrets: bool = False, **options: Unpack[ClientOptions]) -> None:
        """Makes a client; no connection is opened yet.

        `pickle_secrets` lets pickles of the client hold its token and password; without it such a
        client cannot be pickled.

        Raises `ConfigError`, which lists every wrong setting.
        """
        self._settings = Settings(options, pickle_secrets)
        del options  # a traceback of what follows shows the variables, and no secret is one
        self._connect()

    @classmethod
    def from_env(cls, *, pickle_secrets: bool = False, **overrides: Unpack[ClientOptions]) -> Self:
        """A client with the settings of the environment, and with these in their place.

        A variable is `IKCRM_` and the name of a setting in capitals, such as `IKCRM_TOKEN`, and
        `IKCRM_QUOTA_` and the name of one of the quota's; times are in seconds, `IKCRM_APP_INFO` is
        `name/version`, and `IKCRM_QUOTA=off` turns the quota off. An override that is `None` leaves
        the variable's, but for `quota`.

        Raises `ConfigError`, which lists every wrong setting.
        """
        client = cls.__new__(cls)
        client._settings = Settings(overrides, pickle_secrets)
        del overrides
        client._from_env = True
        client._connect()
        return client

    def _connect(self, wait: Callable[[Awaitable[Any]], Any] | None = None) -> None:
        """Makes the native client; `wait` is for the coroutines of a token store."""
        events = Events(self._settings.given.get("on_event"))
        if self._from_env:
            self._native = _native.Client.from_env(
                dict(os.environ), self._settings.for_core(), wait, events
            )
        else:
            self._native = _native.Client(self._settings.for_core(), wait, events)

    def __repr__(self) -> str:
        """Shows no secret."""
        native: _native.Client | None = getattr(self, "_native", None)
        return f"<{type(self).__name__} {(native and native.summary()) or 'closed'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the settings; those of the environment are left out and read anew."""
        secrets = self._settings.secrets()
        if secrets and not self._settings.pickle_secrets:
            raise TypeError(
                f"a pickle of this client would hold its {' and '.join(secrets)}: "
                "make it with pickle_secrets=True to allow that, or with from_env()"
            )
        make = _from_env if self._from_env else _made
        return make, (type(self), self._settings, os.getpid())


def _made(cls: type[BaseClient], settings: Settings, pid: int) -> BaseClient:
    if settings.counts_alone() and pid != os.getpid():
        _warn_of_quota()
    return cls(pickle_secrets=settings.pickle_secrets, **settings.given)


def _from_env(cls: type[BaseClient], settings: Settings, pid: int) -> BaseClient:
    shared = os.environ.get("IKCRM_QUOTA_STORE") or os.environ.get("IKCRM_QUOTA") == "off"
    alone = settings.counts_alone() if "quota" in settings.given else not shared
    if alone and pid != os.getpid():
        _warn_of_quota()
    return cls.from_env(pickle_secrets=settings.pickle_secrets, **settings.given)


@cache
def _warn_of_quota() -> None:
    """Warns once of a client that was pickled in another process."""
    warn(
        "this client was pickled in another process, and each process keeps a quota of its own: "
        "together they make too many calls; give them one by "
        'quota=ikcrm.Quota(store="file:///absolute/path"), or a redis:// URL',
        RuntimeWarning,
        stacklevel=3,
    )


class Client(BaseClient):
    """A client of one CRM with one token.

    Any number of threads may share it. A process that was forked makes connections of its own.

        with ikcrm.Client(token="the open-API token") as client:
            opportunity = client.update_opportunity(568587, title="ccc", customer_id=1)

    A client that `from_env` made can be pickled; any other only with `pickle_secrets=True`, for its
    pickle holds the token and the password.
    """

    def update_opportunity(self, id: Id, **fields: Unpack[OpportunityUpdate]) -> Opportunity:
        """Updates an opportunity: `PUT /api/v2/opportunities/:id`.

        A field that is left out keeps its value, and `None` clears it:

            title                   text, not blank; required
            customer_id             an id; required
            user_id, want_department_id
                                    ids
            expect_amount           a Decimal, an int, or text such as "20000.50"
            stage, source, kind     an option: its id or its label
            expect_sign_date, get_time
                                    a date, or "YYYY-MM-DD"
            customer_requirement, note, name, approve_status
                                    text
            custom                  custom fields by their keys or labels

        `fill` reads the opportunity before and fills in what is required; `partial` sends neither;
        `if_unchanged` takes a record that must still hold. The options of a call are those of
        `CallOptions`: `timeout`, `max_retries`, `max_wait`, `deadline`, `priority`, `cancel`.

        Returns the opportunity as the CRM has it now.

        Raises
            ValidationError: when values are wrong; lists them all. At most labels were looked up.
            ConflictError: when the opportunity differs from `if_unchanged`; it was not updated.
            ApiError: when the CRM refused: `AuthError`, `NotFoundError`,
                `InvalidParametersError`, `RateLimitedError`, `ServerError`, or itself.
            TransportError: when the CRM could not be reached or the connection broke;
                `RequestTimeoutError` when the time ran out.
            InvalidAnswerError: when what came back is not an answer of this API.
        """
        opportunity: Opportunity = self._native.update_opportunity(id, fields)
        return opportunity

    def get_opportunity(self, id: Id, **options: Unpack[CallOptions]) -> Opportunity:
        """Reads an opportunity: `GET /api/v2/opportunities/:id`.

        Raises `ValidationError` when the id is wrong, and what a call can raise.
        """
        opportunity: Opportunity = self._native.get_opportunity(id, options)
        return opportunity

    def list_opportunities(self, **query: Unpack[OpportunityQuery]) -> OpportunityList:
        """Lists opportunities: `GET /api/v2/opportunities`, a page when it is needed.

            for row in client.list_opportunities(stage="谈判/合同", sort="created_at"):
                print(row.title, row.customer_name)

        Rows are flat, as the CRM serves them. A `timeout` is one page's. The vendor does not
        document the endpoint; other clients use it.

        Raises `ValidationError`, which lists every problem of the query; the iterator raises what a
        call can.
        """
        return OpportunityList(self._native.list_opportunities(query))

    def field_map(
        self, entity: str = "opportunity", *, refresh: bool = False, **options: Unpack[CallOptions]
    ) -> FieldMap:
        """The options of an entity's fields: `GET /api/v2/field_maps/:entity`.

        The client keeps them for ten minutes; `refresh` reads them again. The vendor does not
        document the endpoint; other clients use it.

        Raises `ValidationError` when there is no such entity, and what a call can raise.
        """
        return FieldMap(self._native.field_map(entity, refresh, options))

    def plan_updates(self, rows: JobRows, **options: Unpack[SheetOptions]) -> UpdateJob:
        """Plans updates of many opportunities: reads, and writes nothing to the CRM.

            job = client.plan_updates([{"id": 568587, "stage": "赢单"}], job="q3.job")
            print(job)
            client.apply_updates(job)

        A row is a mapping of the id and the fields to change; `title` and `customer_id` need not
        be given. `None`, NaN, NaT and blank text are empty cells, which change nothing unless
        `empty` says so; `ikcrm.CLEAR` clears a field. A row with a wrong value is `invalid` and
        stays in the job. The path of an `.xlsx`, `.xls`, `.ods`, `.csv` or `.tsv` file, and a table
        of pandas, polars, pyarrow or DuckDB, are rows too: their columns have the names of
        fields, their Chinese names (`销售阶段`) or the labels of custom fields, unless `columns`
        says otherwise, and cells are read as people write them. If `job` is the file of a job of
        the same rows and options, that job continues.

        Raises
            ValidationError: when an option is wrong, a row no mapping, or a sheet unreadable.
            JobFileError: when the path holds anything but a job of the same rows and options.
            JobInUseError: while another process or thread works on the job.
            JobStoppedError: when something stopped it; make the same call again to continue.
        """
        return jobs.plan(self._native, rows, options)

    def apply_updates(
        self, job: UpdateJob | str | PathLike[str], **options: Unpack[ApplyOptions]
    ) -> UpdateJob:
        """Carries out a job, given as such or by its path; it continues where it stopped.

        A row is `sending` in the file before its first byte leaves. If it is not known whether the
        CRM has a row, it is read first: nothing is sent blindly twice.

        Returns the job when it is completed, or stopped by `limit` or `max_duration`. Ctrl-C gives
        a call under way two seconds to end; a second one does not.

        Raises
            JobStoppedError: when anything else stopped it; make the same call again to continue.
            CancelledError: when `cancel` was set.
            JobInUseError, JobFileError: as `plan_updates`.
        """
        return jobs.apply(self._native, job, options)

    def update_opportunities(
        self,
        rows: JobRows,
        *,
        confirm: Callable[[UpdateJob], object] | None = None,
        **options: Unpack[UpdatesOptions],
    ) -> UpdateJob:
        """Plans and applies in one call; a job file of the same rows continues.

        `confirm` is called with the plan; unless it returns `True`, nothing is sent and the job
        stays `ready`.

        Raises what `plan_updates` and `apply_updates` raise.
        """
        return jobs.update(self._native, rows, confirm, options)

    def plan_undo(self, job: UpdateJob, /, **options: Unpack[PlanOptions]) -> UpdateJob:
        """Plans a job that restores what another one changed.

        Its rows are the updated ones, which must still be as that job left them. A field whose
        value before is not known makes its row `invalid`.

        Raises what `plan_updates` raises; `JobInUseError` while somebody works on the job.
        """
        return jobs.undo(self._native, job, options)

    def quota(self) -> QuotaStatus | None:
        """How much of the quota is used now; `None` when it is turned off.

        Raises `QuotaStoreError` when the quota's store cannot be used.
        """
        usage = self._native.quota()
        return usage and QuotaStatus(*usage)

    def close(self, timeout: float = 5) -> None:
        """Ends the client: new calls raise a `RuntimeError`.

        Calls of other threads that wait, for the quota or a retry, end at once with a
        `CancelledError`; those whose request is under way may go on for `timeout` seconds and are
        then ended too. The quota and an account's session live on as long as any client uses them.
        """
        self._native.close(timeout)

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

        ikcrm.update_opportunity(568587, title="ccc", customer_id=1, stage="谈判/合同")

    The settings are the environment's, see `help(ikcrm.Client.from_env)`; the fields and options
    are those of the client's method, see `help(ikcrm.Client.update_opportunity)`.

    Raises `ConfigError` when the settings are wrong, and what the client's method raises.
    """
    return _of_process().update_opportunity(id, **fields)


def reset_client() -> None:
    """Forgets the client of the whole process: the next call reads the environment again.

    For tests, and for programs whose environment changes. Calls under way go on.
    """
    _of_process.cache_clear()


_of_process = cache(Client.from_env)

if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_native.forked)
