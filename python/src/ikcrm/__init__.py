"""Updates sales opportunities (商机) in the CRM 励销云/爱客CRM, or says exactly what is wrong.

    import ikcrm

    opportunity = ikcrm.update_opportunity(568587, title="ccc", customer_id=1, note=None)

The function takes its settings from the environment, such as `IKCRM_TOKEN`. A `Client`, or for
asyncio an `AsyncClient`, takes them as arguments.

What is in the package; `help(ikcrm.Client)` and the like say more:

    update_opportunity, reset_client    with the environment's settings
    Client, AsyncClient                 update_opportunity, get_opportunity, list_opportunities,
                                        field_map, plan_updates, apply_updates,
                                        update_opportunities, plan_undo, quota, close
    ClientOptions, Quota, TokenStore    settings of a client
    CallOptions, Cancel                 options of a call
    OpportunityUpdate                   the fields of an update
    Opportunity, OpportunityList        what comes back
    UpdateJob, open_job, CLEAR          updates of many rows
    Event                               what a call shows
    IkcrmError                          all errors: ValidationError, ApiError, TransportError, ...
    ikcrm.testing, ikcrm.sandbox        a stand-in CRM, for tests and as a program

Guide: https://github.com/ikcrm-client/ikcrm/blob/main/crates/ikcrm/docs/en/index.md
"""

import sys as _sys
import typing as _t

from ikcrm import _complete, _native  # noqa: F401 - the first looks at the second's file
from ikcrm._native import Cancel
from ikcrm.arguments import (
    ApplyOptions,
    AsyncTokenStore,
    CallOptions,
    ClientOptions,
    OpportunityFields,
    OpportunityQuery,
    OpportunityUpdate,
    PlanOptions,
    SheetOptions,
    TokenStore,
    UpdatesOptions,
)
from ikcrm.async_client import AsyncClient
from ikcrm.client import Client, reset_client, update_opportunity
from ikcrm.errors import (
    ApiError,
    AuthError,
    CancelledError,
    ChooseEnterpriseError,
    ConfigError,
    ConflictError,
    Enterprise,
    FieldError,
    IkcrmError,
    InvalidAnswerError,
    InvalidParametersError,
    JobFileError,
    JobInUseError,
    JobStoppedError,
    NotFoundError,
    QuotaExceededError,
    QuotaStoreError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    SignInLimitedError,
    TokenStoreError,
    TransportError,
    ValidationError,
)
from ikcrm.events import Event
from ikcrm.field_map import FieldMap, FieldOption
from ikcrm.lists import AsyncOpportunityList, OpportunityList
from ikcrm.meta import CallMeta
from ikcrm.quota import Quota, QuotaStatus
from ikcrm.records import (
    Address,
    Contact,
    Customer,
    Department,
    Opportunity,
    OpportunityRow,
    Record,
    User,
)
from ikcrm.update_job import (
    CLEAR,
    Change,
    JobProblem,
    JobProgress,
    JobRow,
    UpdateJob,
    open_job,
)

__version__ = _native.VERSION

__all__ = [
    "CLEAR",
    "Address",
    "ApiError",
    "ApplyOptions",
    "AsyncClient",
    "AsyncOpportunityList",
    "AsyncTokenStore",
    "AuthError",
    "CallMeta",
    "CallOptions",
    "Cancel",
    "CancelledError",
    "Change",
    "ChooseEnterpriseError",
    "Client",
    "ClientOptions",
    "ConfigError",
    "ConflictError",
    "Contact",
    "Customer",
    "Department",
    "Enterprise",
    "Event",
    "FieldError",
    "FieldMap",
    "FieldOption",
    "IkcrmError",
    "InvalidAnswerError",
    "InvalidParametersError",
    "JobFileError",
    "JobInUseError",
    "JobProblem",
    "JobProgress",
    "JobRow",
    "JobStoppedError",
    "NotFoundError",
    "Opportunity",
    "OpportunityFields",
    "OpportunityList",
    "OpportunityQuery",
    "OpportunityRow",
    "OpportunityUpdate",
    "PlanOptions",
    "Quota",
    "QuotaExceededError",
    "QuotaStatus",
    "QuotaStoreError",
    "RateLimitedError",
    "Record",
    "RequestTimeoutError",
    "ServerError",
    "SheetOptions",
    "SignInLimitedError",
    "TokenStore",
    "TokenStoreError",
    "TransportError",
    "UpdateJob",
    "UpdatesOptions",
    "User",
    "ValidationError",
    "__version__",
    "open_job",
    "reset_client",
    "update_opportunity",
]

if not _t.TYPE_CHECKING:
    _exported = __all__
    del __all__

    def __getattr__(name):
        """`__all__`, for all but `help(ikcrm)`, which would print every class: 7,000 lines."""
        if name == "__all__" and _sys._getframe(1).f_code.co_name != "docmodule":
            return _exported
        module = _sys.modules[__name__]
        text = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(text, name=name, obj=module)
