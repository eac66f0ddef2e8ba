"""Python's values as the JSON text that the API has for them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from json import dumps
from typing import Any

from ikcrm import _native


def json_text(value: Any) -> str:
    """The JSON text of a value: amounts and days as the CRM writes them, records as objects.

    Raises `TypeError` for a value that has none.
    """
    return dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, _native.Record):
        from json import loads

        return loads(value.raw)
    raise TypeError(f"{value!r} has no form in JSON; write text, a number, a day, a list or a dict")
