"""The errors: one tree, whose base is `IkcrmError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from ikcrm.meta import CallMeta
    from ikcrm.update_job import UpdateJob

FieldErrorCode = Literal[
    "required",
    "null",
    "blank",
    "type",
    "range",
    "format",
    "read_only",
    "unknown",
    "empty",
    "conflict",
    "disabled",
    "ambiguous",
    "changed",
]
"""The kinds of fault that a field can have."""


class FieldError(NamedTuple):
    """One fault of one field, found before anything was sent."""

    field: str
    """The field's name, such as `title`, `id`, `custom.text_asset_8b1eeedd` or `timeout`."""
    code: FieldErrorCode
    """A stable word for the kind of fault."""
    message: str
    """What is wrong and what to write instead."""


class Enterprise(NamedTuple):
    """An enterprise that an account belongs to."""

    corp_id: str
    """What to sign in with, as `corp_id`."""
    name: str
    """The enterprise's name."""


class IkcrmError(Exception):
    """The base of all errors of this package. None of them shows the token."""

    code: ClassVar[str] = "error"
    """The stable word for the kind of error, the same in every language."""
    message: str
    """What went wrong: the CRM's own words for an `ApiError`, otherwise ours."""
    status: int | None
    """The HTTP status, if an answer came. Often 200 even for a refusal."""
    api_code: int | None
    """The `code` in the answer's body, untouched even when unknown, if there was one."""
    fields: tuple[FieldError, ...]
    """The faults of single fields; empty unless a setting or a value is wrong."""
    enterprises: tuple[Enterprise, ...]
    """The enterprises to choose from; empty but for `ChooseEnterpriseError`."""
    retryable: bool
    """Whether the same call may work when made again later."""
    retry_after: float | None
    """The seconds after which it may, where that is known."""
    may_have_been_applied: bool
    """Whether the CRM may have carried the update out although this error came."""
    body_excerpt: str | None
    """The answer's first 200 characters, if one came that this error is about. They may hold names
    and telephone numbers, so no message and no `repr` shows them."""
    meta: CallMeta | None
    """What the call cost; `None` when no call was made, and of a job's error."""

    def __init__(
        self,
        text: str,
        *,
        message: str | None = None,
        status: int | None = None,
        api_code: int | None = None,
        fields: tuple[FieldError, ...] = (),
        enterprises: tuple[Enterprise, ...] = (),
        retryable: bool = False,
        retry_after: float | None = None,
        may_have_been_applied: bool = False,
        body_excerpt: str | None = None,
        meta: CallMeta | None = None,
    ) -> None:
        """An error that prints as `text`, which is its message too unless another is given."""
        super().__init__(text)
        self.message = text if message is None else message
        self.status = status
        self.api_code = api_code
        self.fields = fields
        self.enterprises = enterprises
        self.retryable = retryable
        self.retry_after = retry_after
        self.may_have_been_applied = may_have_been_applied
        self.body_excerpt = body_excerpt
        self.meta = meta


# <generated: errors>, by `make generate`


class ConfigError(IkcrmError, ValueError):
    """A client's settings are wrong; `fields` lists them all. Nothing was sent."""

    code = "config"


class ValidationError(IkcrmError, ValueError):
    """A call's values are wrong; `fields` lists them all. Nothing was sent."""

    code = "validation"


class ApiError(IkcrmError):
    """The CRM refused, with a `code` other than 0 or a status of 400 or more."""

    code = "api"


class AuthError(ApiError):
    """The token is no longer valid, signing in failed, or the account is closed."""

    code = "auth"


class SignInLimitedError(AuthError):
    """The token was refused soon after the last sign-in: another program shares the account."""

    code = "sign_in_limited"


class ChooseEnterpriseError(ApiError):
    """The account belongs to several `enterprises`: sign in with the `corp_id` of one."""

    code = "choose_enterprise"


class NotFoundError(ApiError):
    """It does not exist, or you have no access: the CRM has one code for both."""

    code = "not_found"


class InvalidParametersError(ApiError):
    """The CRM refused the values."""

    code = "invalid_parameters"


class RateLimitedError(ApiError):
    """The whole enterprise made more calls than the CRM allows, 10 in 10 s."""

    code = "rate_limited"


class ServerError(ApiError):
    """The CRM failed."""

    code = "server"


class TransportError(IkcrmError, ConnectionError):
    """The CRM could not be reached, or the connection broke."""

    code = "transport"


class RequestTimeoutError(TransportError, TimeoutError):
    """The call's time ran out."""

    code = "request_timeout"


class InvalidAnswerError(IkcrmError):
    """What came back is not an answer of this API."""

    code = "invalid_answer"


class QuotaExceededError(IkcrmError):
    """No slot of the quota is free in time; `retry_after` says when one may be."""

    code = "quota_exceeded"


class QuotaStoreError(IkcrmError):
    """The quota's store cannot be used; `retryable` says whether that may pass."""

    code = "quota_store"


class TokenStoreError(IkcrmError):
    """The token store failed; what it raised is the cause."""

    code = "token_store"


class ConflictError(IkcrmError):
    """The opportunity differs from `if_unchanged` in `fields`. It was not updated."""

    code = "conflict"


class CancelledError(IkcrmError):
    """The call was cancelled. In asyncio and after a signal it is the cause of what was raised."""

    code = "cancelled"


class JobInUseError(IkcrmError):
    """Another process or thread is working on the job."""

    code = "job_in_use"


class JobFileError(IkcrmError):
    """The job's file cannot be read or written, or is not what was asked for."""

    code = "job_file"


# </generated>


class JobStoppedError(IkcrmError):
    """A job stopped before its end; what it did is in its file, and it can go on."""

    code = "job_stopped"
    reason: str | None = None
    """Why, such as `max_errors`, `outage` or `auth`."""
    path: str | None = None
    """The job's file."""
    _job: UpdateJob | None = None

    @property
    def job(self) -> UpdateJob:
        """The job. Raises `JobFileError` when its file is gone."""
        if self._job is None:
            from ikcrm.update_job import open_job

            self._job = open_job(self.path or "")
        return self._job


def _tree(base: type[IkcrmError]) -> list[type[IkcrmError]]:
    return [base, *(inner for derived in base.__subclasses__() for inner in _tree(derived))]


BY_CODE = {error.code: error for error in _tree(IkcrmError)}
"""The classes by their `code`."""
