"""Updates sales opportunities (商机) in the CRM 励销云/爱客CRM: right, or with a precise error.

    import ikcrm

    opportunity = ikcrm.update_opportunity(568587, title="ccc", customer_id=1, note=None)

The function takes its settings from the environment, as `IKCRM_TOKEN`; a `Client`, or for asyncio
an `AsyncClient`, takes them as arguments.
"""

from ikcrm import _native
from ikcrm._native import Cancel
from ikcrm.arguments import (
    AsyncTokenStore,
    CallOptions,
    ClientOptions,
    OpportunityFields,
    OpportunityQuery,
    OpportunityUpdate,
    TokenStore,
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
from ikcrm.field_map import FieldMap, FieldOption
from ikcrm.lists import AsyncOpportunityList, OpportunityList
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

__version__ = _native.VERSION

__all__ = [
    "Address",
    "ApiError",
    "AsyncClient",
    "AsyncOpportunityList",
    "AsyncTokenStore",
    "AuthError",
    "CallOptions",
    "Cancel",
    "CancelledError",
    "ChooseEnterpriseError",
    "Client",
    "ClientOptions",
    "ConfigError",
    "ConflictError",
    "Contact",
    "Customer",
    "Department",
    "Enterprise",
    "FieldError",
    "FieldMap",
    "FieldOption",
    "IkcrmError",
    "InvalidAnswerError",
    "InvalidParametersError",
    "NotFoundError",
    "Opportunity",
    "OpportunityFields",
    "OpportunityList",
    "OpportunityQuery",
    "OpportunityRow",
    "OpportunityUpdate",
    "Quota",
    "QuotaExceededError",
    "QuotaStatus",
    "QuotaStoreError",
    "RateLimitedError",
    "Record",
    "RequestTimeoutError",
    "ServerError",
    "SignInLimitedError",
    "TokenStore",
    "TokenStoreError",
    "TransportError",
    "User",
    "ValidationError",
    "__version__",
    "reset_client",
    "update_opportunity",
]
