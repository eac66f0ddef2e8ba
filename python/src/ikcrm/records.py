"""The objects of an answer: typed attributes, and every key that came.

An attribute is read when it is asked for. It is `None` when it is absent, null, `""` or `{}`, and
an `InvalidAnswerError` when its value is not of its type. What is not declared here, such as a
custom field, is there under its key: `opportunity["text_asset_8b1eeedd"]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import methodcaller
from typing import TYPE_CHECKING, Any, ClassVar

from ikcrm import _native

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, ValuesView
    from datetime import date, datetime
    from decimal import Decimal
    from typing import TypeVar

    from typing_extensions import Self

    from ikcrm.meta import CallMeta

    R = TypeVar("R", bound="Record")

_PRIVATE = {"tel", "phone", "email", "qq", "fax", "wechat", "wangwang", "zip", "url"}
_PRIVATE |= {"detail_address", "full_address", "lat", "lng"}
"""Attributes whose values a notebook does not show, for notebooks are passed on."""


class Record(_native.Record, Mapping[str, Any]):
    """An object of an answer: a mapping of every key that came to its value.

    It cannot be changed; it can be compared, hashed and pickled.
    """

    __slots__ = ()

    _attributes: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:

        def __new__(cls, raw: str) -> Self:
            """The object in a JSON text, as `raw` gave it."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """A record of these keys and values: `Opportunity.from_dict({"id": 1, "title": "x"})`.

        Amounts may be `Decimal`, days `date`, related objects records or dicts.
        """
        from ikcrm.json_text import json_text

        return cls(json_text(dict(values)))

    @property
    def meta(self) -> CallMeta | None:
        """What the call cost whose answer this is; `None` of what is only a part of one."""
        return self.call_meta()

    def __iter__(self) -> Iterator[str]:
        """The names of all keys, in the order they came."""
        return iter(self.names())

    def __getitem__(self, key: str) -> Any:
        """The value of any key, as `json.loads` gives it."""
        text = self.raw_value(key)
        if text is None:
            raise KeyError(key)
        return _loads(text)

    def items(self) -> ItemsView[str, Any]:
        """All keys with their values, as `json.loads` gives them."""
        return self.to_dict().items()

    def values(self) -> ValuesView[Any]:
        """All values, as `json.loads` gives them."""
        return self.to_dict().values()

    def to_dict(self) -> dict[str, Any]:
        """All keys and values in the order they came, as `json.loads` gives them."""
        values: dict[str, Any] = _loads(self.raw)
        return values

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """How pydantic, and with it FastAPI, takes and gives records: as objects of JSON."""
        from pydantic_core import core_schema as schema

        data = schema.dict_schema(schema.str_schema())
        taken = schema.no_info_after_validator_function(cls._from_data, data)
        return schema.json_or_python_schema(
            json_schema=taken,
            python_schema=schema.union_schema([schema.is_instance_schema(cls), taken]),
            serialization=schema.plain_serializer_function_ser_schema(
                cls.to_dict, return_schema=data
            ),
        )

    @classmethod
    def _from_data(cls, data: dict[str, Any]) -> Self:
        from json import dumps

        return cls(dumps(data, ensure_ascii=False))

    def _repr_html_(self) -> str:
        from html import escape

        shown = ((name, self._shown(name)) for name in self._attributes)
        rows = (f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in shown if text)
        return f"<table><caption>{escape(repr(self))}</caption>{''.join(rows)}</table>"

    def _shown(self, name: str) -> str | None:
        """An attribute as a notebook shows it: nested records by their ids, nothing private."""
        from ikcrm.errors import InvalidAnswerError

        try:
            value = getattr(self, name)
        except InvalidAnswerError:
            return self.raw_value(name)
        if value is None or value == ():
            return None
        return "•••" if name in _PRIVATE else str(value)


def _typed(kind: type[R]) -> type[R]:
    """Makes a read-only attribute of each annotation, which the core reads when it is asked for."""
    kind._attributes = tuple(kind.__annotations__)
    for name in kind._attributes:
        setattr(kind, name, property(methodcaller("attribute", name)))
    return kind


def _loads(text: str) -> Any:
    from json import loads

    return loads(text)


# <generated: records>, by `make generate`


@_typed
class Opportunity(Record):
    """A sales opportunity (商机) as the CRM answers it."""

    __slots__ = ()

    id: int | None
    """The opportunity's id."""
    title: str | None
    """The title (商机标题)."""
    name: str | None
    """The name, if the CRM sends one."""
    customer: Customer | None
    """The customer it is for (对应客户)."""
    user: User | None
    """The user in charge (负责人)."""
    creator: User | None
    """The user who made it."""
    department: Department | None
    """The department it belongs to."""
    owned_department: Department | None
    """The department that owns it."""
    expect_amount: Decimal | None
    """The expected amount (预计销售金额)."""
    sign_possibility: str | None
    """The chance of winning, as it came: `80%` or a number."""
    get_time: date | None
    """The day on which it was found (商机获取日期)."""
    expect_sign_date: date | None
    """The day on which the contract is expected (预计签单日期)."""
    stage: str | None
    """The id of the sales stage (销售阶段)."""
    stage_mapped: str | None
    """The label of the sales stage."""
    source: str | None
    """The id of the source (来源)."""
    source_mapped: str | None
    """The label of the source."""
    kind: str | None
    """The id of the kind (商机类型)."""
    kind_mapped: str | None
    """The label of the kind."""
    customer_requirement: str | None
    """What the customer needs (客户需求)."""
    note: str | None
    """The note (备注)."""
    approve_status: str | None
    """The state of approval."""
    approve_status_i18n: str | None
    """The label of the state of approval."""
    created_at: datetime | None
    """When it was made, in China's time."""
    updated_at: datetime | None
    """When it was last changed, in China's time."""


@_typed
class OpportunityRow(Record):
    """A sales opportunity (商机) as a row of a list: flat, with ids and names for objects."""

    __slots__ = ()

    id: int | None
    """The opportunity's id."""
    title: str | None
    """The title (商机标题)."""
    name: str | None
    """The name, if the CRM sends one."""
    customer_id: int | None
    """The id of the customer it is for (对应客户)."""
    customer_name: str | None
    """The name of the customer it is for."""
    user_id: int | None
    """The id of the user in charge (负责人)."""
    user_name: str | None
    """The name of the user in charge."""
    expect_amount: Decimal | None
    """The expected amount (预计销售金额)."""
    sign_possibility: str | None
    """The chance of winning, as it came: `80%` or a number."""
    get_time: date | None
    """The day on which it was found (商机获取日期)."""
    expect_sign_date: date | None
    """The day on which the contract is expected (预计签单日期)."""
    stage: str | None
    """The id of the sales stage (销售阶段)."""
    stage_mapped: str | None
    """The label of the sales stage."""
    source: str | None
    """The id of the source (来源)."""
    source_mapped: str | None
    """The label of the source."""
    kind: str | None
    """The id of the kind (商机类型)."""
    kind_mapped: str | None
    """The label of the kind."""
    customer_requirement: str | None
    """What the customer needs (客户需求)."""
    note: str | None
    """The note (备注)."""
    approve_status: str | None
    """The state of approval."""
    approve_status_i18n: str | None
    """The label of the state of approval."""
    created_at: datetime | None
    """When it was made, in China's time."""
    updated_at: datetime | None
    """When it was last changed, in China's time."""


@_typed
class Customer(Record):
    """A customer (客户)."""

    __slots__ = ()

    id: int | None
    """The customer's id."""
    name: str | None
    """The customer's name."""
    company_name: str | None
    """The company's name."""
    status: str | None
    """The id of the state (状态)."""
    status_mapped: str | None
    """The label of the state."""
    category: str | None
    """The id of the category."""
    category_mapped: str | None
    """The label of the category."""
    source: str | None
    """The id of the source (来源)."""
    source_mapped: str | None
    """The label of the source."""
    industry: str | None
    """The id of the industry (行业)."""
    industry_mapped: str | None
    """The label of the industry."""
    note: str | None
    """The note (备注)."""
    parent: Customer | None
    """The customer it belongs to."""
    contacts: tuple[Contact, ...]
    """The people to talk to (联系人)."""
    address: Address | None
    """Where it is and how to reach it."""
    user: User | None
    """The user in charge (负责人)."""
    creator: User | None
    """The user who made it."""
    before_user: User | None
    """The user who was in charge before."""
    owned_department: Department | None
    """The department that owns it."""
    before_owned_department: Department | None
    """The department that owned it before."""
    approve_status: str | None
    """The state of approval."""
    approve_status_i18n: str | None
    """The label of the state of approval."""
    is_own: bool | None
    """Whether it is the caller's own."""
    is_editable: bool | None
    """Whether the caller may change it."""
    created_at: datetime | None
    """When it was made, in China's time."""
    updated_at: datetime | None
    """When it was last changed, in China's time."""


@_typed
class Contact(Record):
    """A person to talk to at a customer (联系人)."""

    __slots__ = ()

    id: int | None
    """The contact's id."""
    name: str | None
    """The contact's name."""
    address: Address | None
    """How to reach the contact."""


@_typed
class Address(Record):
    """Where someone is and how to reach them."""

    __slots__ = ()

    id: int | None
    """The address's id."""
    tel: str | None
    """The telephone number."""
    phone: str | None
    """The mobile number."""
    email: str | None
    """The e-mail address."""
    qq: str | None
    """The QQ number."""
    fax: str | None
    """The fax number."""
    wechat: str | None
    """The WeChat name."""
    wangwang: str | None
    """The Wangwang name."""
    zip: str | None
    """The postal code."""
    url: str | None
    """The web site."""
    detail_address: str | None
    """Street and house."""
    full_address: str | None
    """The whole address."""
    lat: float | None
    """The latitude, in degrees."""
    lng: float | None
    """The longitude, in degrees."""


@_typed
class User(Record):
    """A user of the CRM."""

    __slots__ = ()

    id: int | None
    """The user's id."""
    name: str | None
    """The user's name."""
    email: str | None
    """The e-mail address."""
    phone: str | None
    """The mobile number."""
    tel: str | None
    """The telephone number."""
    job: str | None
    """The position held."""
    department_name: str | None
    """The name of the department."""
    organization_id: int | None
    """The id of the enterprise."""
    role_id: int | None
    """The id of the role."""
    workflow_state: str | None
    """The state of the account."""
    avatar_url: str | None
    """The URL of the picture."""
    created_at: datetime | None
    """When the account was made, in China's time."""


@_typed
class Department(Record):
    """A department of the enterprise."""

    __slots__ = ()

    id: int | None
    """The department's id."""
    name: str | None
    """The department's name."""


# </generated>
