"""What the calls take: stated once, checked by type checkers and shown by editors.

The core checks every value when a call is made, and tells all faults at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Literal, Protocol, SupportsIndex, TypeAlias, TypedDict, Union

from ikcrm._native import Cancel
from ikcrm.events import Event
from ikcrm.quota import Quota
from ikcrm.records import Opportunity
from ikcrm.update_job import JobProgress, JobRow, RowState

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal
else:  # loaded when somebody asks for the types at run time
    date, Decimal = "__import__('datetime').date", "__import__('decimal').Decimal"
    datetime = "__import__('datetime').datetime"

Id: TypeAlias = SupportsIndex | str
"""The id of an object: a whole number from 1 to 2^53 - 1, or its digits."""

Amount: TypeAlias = Union[Decimal, SupportsIndex, str, float]  # noqa: UP007
"""A decimal number of at most 28 significant digits; a `float` counts by its shortest form."""

Day: TypeAlias = Union[date, str]  # noqa: UP007
"""A date, or its form `YYYY-MM-DD`. A `datetime` is refused: its zone could move the day."""

CustomValue: TypeAlias = Union[  # noqa: UP007
    Amount, bool, date, Sequence["CustomValue"], Mapping[str, "CustomValue"], None
]
"""The value of a custom field."""


class TokenStore(Protocol):
    """Where programs that share an account share its token, such as a file or a database."""

    def get(self) -> str | None:
        """The token that is kept, if any. What it raises ends the call as a `TokenStoreError`."""

    def set(self, token: str, /) -> object:
        """Keeps the token of a new sign-in."""


class AsyncTokenStore(Protocol):
    """The same for an `AsyncClient`, on whose loop it runs."""

    async def get(self) -> str | None:
        """The token that is kept, if any. What it raises ends the call as a `TokenStoreError`."""

    async def set(self, token: str, /) -> object:
        """Keeps the token of a new sign-in."""


class ClientOptions(TypedDict, total=False):
    """The settings of a client. A setting that is `None` has its default, but for `quota`."""

    # <generated: client>, by `make generate`
    token: str | None
    """The open-API token, if you do not sign in. It is sent in a header and shown nowhere."""
    login: str | None
    """The account to sign in with when there is no token or it has expired."""
    password: str | None
    """The account's password. It is shown nowhere."""
    corp_id: str | None
    """Which of the account's enterprises to sign in to (its only one)."""
    sign_in_interval: float | None
    """The least seconds from one sign-in to the next, up to a day (60): each sign-in ends the
    account's older token.
    """
    base_url: str | None
    """The CRM's base URL, for a host that no edition names: https, or http to this machine. A
    `/api/v2` at its end is dropped.
    """
    edition: Literal["standalone", "wecom", "dingtalk"] | None
    """The CRM's edition, which names the host: `standalone` 独立版, `wecom` 企微版 or `dingtalk`
    钉钉版 (`standalone`).
    """
    timeout: float | None
    """The seconds that a call may take with all its retries, once it has its slot of the quota;
    up to an hour (30).
    """
    max_retries: int | None
    """How often a call is made again after a passing failure, 0 to 10 (2)."""
    ca_bundle: str | PathLike[str] | None
    """The path of a PEM file of certificates to trust besides those of `tls_roots` (none)."""
    client_cert: str | PathLike[str] | None
    """The path of the PEM certificate, with its chain, for a gateway that asks for one by mutual
    TLS (none). It is never shown to a proxy.
    """
    client_key: str | PathLike[str] | None
    """The path of its PEM key, without a password (the file of `client_cert`)."""
    proxy: str | None
    """The URL of an HTTP proxy, `http://user:password@host:port`, or `env` to follow
    `https_proxy`, `all_proxy` and `no_proxy` as curl does (none; `env` where the environment is
    read). SOCKS is refused.
    """
    headers: Mapping[str, str | None] | None
    """Headers that every request carries besides the client's own, such as a gateway's (none)."""
    app_info: tuple[str, str] | str | None
    """The program that uses the client, and its version, for `User-Agent` (none)."""
    request_id: bool | None
    """Sends the call's id as `X-Request-Id` (`False`: the vendor documents no such header)."""
    idle_timeout: float | None
    """The seconds to keep a connection that is not in use, up to an hour (60); 0 keeps none.
    Shorten it if machines are frozen, or if something in between hangs up sooner.
    """
    tls_roots: Literal["bundled", "system"] | None
    """Whose certificates to trust: Mozilla's, which are `bundled`, or those of the operating
    `system` (`bundled`).
    """
    quota: Quota | None
    """How many calls may be made, and who shares them: the quota (the CRM's 10 in 10 s, for this
    process); `None`, or `IKCRM_QUOTA=off`, turns it off.
    """
    token_store: TokenStore | AsyncTokenStore | None
    """Where programs that share the account share its token (none)."""
    on_token: Callable[[str], object] | None
    """Called with each token that a sign-in brings (none)."""
    on_event: Callable[[Event], object] | None
    """Called with each event of a call, in its caller's context (none). What it raises is shown
    once and fails no call.
    """
    # </generated>


class CallOptions(TypedDict, total=False):
    """What one call does differently from its client; `None` is as the client has it."""

    # <generated: call>, by `make generate`
    timeout: float | None
    """The seconds that the call may take with all its retries, once it has its slot of the quota
    (the client's).
    """
    max_retries: int | None
    """How often the call is made again after a passing failure, 0 to 10 (the client's)."""
    max_wait: float | None
    """The seconds that each attempt may wait for a slot of the quota (the quota's)."""
    deadline: float | None
    """The seconds that the call may take from now on, waits for the quota included (none). A call
    that cannot make it fails at once with a `QuotaExceededError`, which says when it could start.
    """
    priority: Literal["normal", "batch"] | None
    """`batch` stands behind all other calls that wait for the quota, and uses at most 80 % of it
    (`normal`).
    """
    headers: Mapping[str, str | None] | None
    """Headers of this call, in the place of the client's; `None` as a value takes one away."""
    cancel: Cancel | None
    """Ends the call from outside within about a tenth of a second, with a `CancelledError`
    (none): its `cancel()` may be called by any thread.
    """
    # </generated>


class OpportunityFields(TypedDict, total=False):
    """The fields to change in an opportunity, under the API's own names.

    A field that is left out keeps its value, `None` clears it. `title` and `customer_id` are
    required by the API's page.

    Source: https://lxcrm.weiwenjia.com, page 修改商机接口, `PUT /api/v2/opportunities/:id`.
    """

    # <generated: fields>, by `make generate`
    user_id: Id | None
    """The id of the user in charge (负责人)."""
    title: str
    """The opportunity's title (商机标题). It may not be blank."""
    customer_id: Id
    """The customer's id (对应客户)."""
    expect_amount: Amount | None
    """The expected amount (预计销售金额): at most 28 digits, no thousands separators."""
    stage: Id | None
    """The sales stage (销售阶段): its id as the field map gives it, or its label."""
    expect_sign_date: Day | None
    """The day on which the contract is expected (预计签单日期)."""
    get_time: Day | None
    """The day on which the opportunity was found (商机获取日期)."""
    customer_requirement: str | None
    """What the customer needs (客户需求)."""
    note: str | None
    """A note (备注)."""
    source: Id | None
    """The source (来源): its id as the field map gives it, or its label."""
    kind: Id | None
    """The kind (商机类型): its id as the field map gives it, or its label."""
    want_department_id: Id | None
    """The id of the department it belongs to (所属部门)."""
    name: str | None
    """A name, as in the page's sample request; its table does not list it."""
    approve_status: str | None
    """The state of approval, as in the page's sample request; its table does not list it."""
    # </generated>
    custom: Mapping[str, CustomValue]
    """Custom fields by their keys or labels. `text_asset_…` takes text, a date or a list of texts,
    `numeric_asset_…` a number, `user_field_asset_…` an id or a list of ids; `file_asset…` and
    `subform_…` are sent as they are."""


class OpportunityUpdate(OpportunityFields, CallOptions, total=False):
    """The keyword arguments of `update_opportunity`."""

    # <generated: update>, by `make generate`
    partial: bool | None
    """Lets the update go without `title` or `customer_id` (`False`). The API's page requires
    both; a client in the field was seen to succeed without.
    """
    fill: bool | None
    """Fills `title` and `customer_id`, where they are not given, with what the opportunity has
    (`False`), so that one field can be changed by itself. That takes two calls: it is read first.
    What somebody else changes in these two fields between the calls is changed back.
    """
    if_unchanged: Opportunity | None
    """Updates only if the opportunity is still as in this record, which an earlier call returned
    (none); otherwise the call fails with a `ConflictError`, which names the fields that differ.
    That takes two calls. It finds what was changed before the reading, not what is changed
    between it and the update: the API has no way to update on a condition.
    """
    # </generated>


class OpportunityQuery(CallOptions, total=False):
    """The keyword arguments of `list_opportunities`. What is left out is left to the CRM."""

    # <generated: query>, by `make generate`
    stage: Id | None
    """Only those at this sales stage (销售阶段), by its id or its label."""
    query: str | None
    """Only those that the CRM finds by this text."""
    sort: str | None
    """The key to order by, such as `created_at`."""
    order: Literal["asc", "desc"] | None
    """The direction of the order."""
    created_between: tuple[Day, Day] | None
    """Only those made from the first to the last of these days (`YYYY-MM-DD`), in China's time."""
    per_page: int | None
    """How many rows a page has, 1 to 100 (100, so that a list takes the fewest calls)."""
    # </generated>


class JobOptions(CallOptions, total=False):
    """What planning and applying a job both take, besides the options of each call."""

    # <generated: job>, by `make generate`
    on_progress: Callable[[JobProgress], object] | None
    """Called with how far the job is, at most four times a second (none). What it raises stops
    the job.
    """
    progress: bool | None
    """Writes the progress to stderr (`False`): on a terminal one line, else a line every 30 s."""
    # </generated>


class PlanOnly(TypedDict, total=False):
    # <generated: plan>, by `make generate`
    job: str | PathLike[str] | None
    """The job's file (a temporary one). A temporary one is deleted with its object once it is no
    longer needed; a job of the same rows and options that is there already goes on.
    """
    id: str | None
    """The column that holds the ids (`id`)."""
    key: str | None
    """The column by which you recognize a row, such as a contract's number (none)."""
    columns: Mapping[str, str] | None
    """The columns to use, and the fields that they are; the others are only kept (all)."""
    empty: Literal["keep", "clear"] | Mapping[str, Literal["keep", "clear"]] | None
    """What an empty cell does, for all columns or by column: `None`, `NaN` and blank text are
    empty (`keep`).
    """
    compare: Literal["auto", "get", "none"] | None
    """How rows are compared with the CRM before: `auto` by pages of its list where they tell
    enough, `get` one by one, or `none`, which sends every row (`auto`).
    """
    on_duplicate: Literal["reject", "last"] | None
    """What happens to rows with the same id: `reject` sends none of them, `last` the last one
    (`reject`).
    """
    as_of: datetime | str | None
    """When the rows were taken from the CRM, or the column that tells it: a row that was changed
    there later is a conflict (none). Without a zone it is China's time.
    """
    partial: bool | None
    """Sends changed fields only, without `title` and `customer_id` (`False`)."""
    # </generated>


class SheetOnly(TypedDict, total=False):
    # <generated: sheet>, by `make generate`
    sheet: str | int | None
    """The sheet of a workbook, by its name or its place from 1 (the first that is not hidden)."""
    header: int | None
    """The row with the column names, as Excel counts (of the first 20, the one with the most
    known names).
    """
    encoding: str | None
    """The encoding of a text file (by its first bytes, else UTF-8, else GB18030)."""
    delimiter: str | None
    """What stands between the cells of a text file (what its first lines have most of)."""
    coerce: bool | None
    """Accepts amounts such as `￥20,000.50` and `1,000`, and full-width digits, which are refused
    otherwise (`False`).
    """
    clear_text: str | None
    """A text that clears the field in whose cell it stands, such as `‹清空›` (none)."""
    # </generated>


class ApplyOnly(TypedDict, total=False):
    # <generated: apply>, by `make generate`
    skip_invalid: bool | None
    """Sends the other rows although some are invalid or duplicates (`False`)."""
    on_conflict: Literal["report", "overwrite"] | None
    """What happens to a row whose opportunity somebody else changed: `report`, or `overwrite`
    (`report`).
    """
    retry: RowState | Sequence[RowState] | None
    """States to take up again: `failed`, `refused`, `not_found`, `conflict` (none)."""
    max_errors: int | str | None
    """How many rows of this run may fail, or which share of them, such as `5%` (100)."""
    max_updates: int | None
    """How many rows may be sent at all: a job with more stops before the first (any number)."""
    max_duration: float | None
    """The seconds that the run may take; then the job is stopped, and returned (any time)."""
    max_age: float | None
    """The seconds for which a reading counts; a row with an older one is read again before it is
    sent (600). 0 reads each row just before its update.
    """
    limit: int | None
    """Sends so many rows and stops (all)."""
    quota_share: float | None
    """How much of the client's quota the job may use (0.8): other calls wait for one slot, not
    for the job.
    """
    on_row: Callable[[JobRow], object] | None
    """Called with each row that is done, after that is in the file (none). What it raises stops
    the job.
    """
    # </generated>


class PlanOptions(JobOptions, PlanOnly, total=False):
    """The options of `plan_undo`."""


class SheetOptions(JobOptions, PlanOnly, SheetOnly, total=False):
    """The options of `plan_updates`: those of a plan, and of the sheet that the rows come from."""


class ApplyOptions(JobOptions, ApplyOnly, total=False):
    """The options of `apply_updates`."""


class UpdatesOptions(JobOptions, PlanOnly, SheetOnly, ApplyOnly, total=False):
    """The options of `update_opportunities`: those of a plan, of a sheet, of the application."""
