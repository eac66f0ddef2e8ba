"""`FieldMap`: the options of an entity's fields, with their ids and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ikcrm import _native
    from ikcrm.meta import CallMeta


class FieldOption(NamedTuple):
    """An option of a field."""

    id: str
    """The id to write. Ids differ from enterprise to enterprise."""
    label: str
    """The label that the CRM's screens show."""
    enabled: bool
    """Whether it may be written."""


class FieldMap:
    """The options of an entity's fields, by the fields' names, in the CRM's order.

    for option in client.field_map()["stage"]:
        print(option.id, option.label, option.enabled)
    """

    __slots__ = ("_fields", "_native")

    def __init__(self, native: _native.FieldMap) -> None:
        self._native = native
        self._fields = {
            name: tuple(FieldOption(*option) for option in options)
            for name, options in native.fields()
        }

    @property
    def entity(self) -> str:
        """The entity, such as `opportunity`."""
        return self._native.entity

    @property
    def raw(self) -> str:
        """The CRM's answer as JSON text, exactly as it came."""
        return self._native.raw

    @property
    def meta(self) -> CallMeta | None:
        """What the call cost: no request when the client had the map."""
        return self._native.meta

    def id(self, field: str, label: str) -> str:
        """The id of the option of a field that has this label and may be written.

        Raises `ValidationError`, whose message lists what is possible.
        """
        return self._native.id(field, label)

    def __getitem__(self, field: str) -> tuple[FieldOption, ...]:
        return self._fields[field]

    def __contains__(self, field: object) -> bool:
        return field in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<FieldMap {self.entity}: {', '.join(self._fields)}>"
