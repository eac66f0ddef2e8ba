"""What `typing` has from Python 3.11 on, so that the calls' types can be had at run time too."""

from sys import version_info
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack
elif version_info >= (3, 11):
    from typing import Self, Unpack
else:
    Self = Any

    class Unpack:
        """Keyword arguments, by the `TypedDict` that names them."""

        def __class_getitem__(cls, kind: Any) -> Any:
            return kind


__all__ = ["Self", "Unpack"]
