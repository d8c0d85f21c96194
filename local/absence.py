# SPDX-License-Identifier: MIT-0
"""The object that says that there is no champion, or no additional archive: on AWS the deployment brings it."""

from collections.abc import Iterable, Mapping
from typing import Final

from local import document
from local.document import Json, Object
from local.error import UsageError
from local.store import Store
from pipeline_src import contract

# Parameters that name it until they name something else, and how to name that.
_OTHERS: Final = {
    contract.CHAMPION_PREDICTIONS: "Name another run's.",
    contract.ADDITIONAL_ARCHIVE: "Give --add PATH.",
}


def check(values: Mapping[str, Json], declarations: Iterable[Object], store: Store) -> None:
    """See to it that the objects are there which those parameters name; where it is their own default, it is made.

    Raises:
        UsageError: another object is named, and is not there.
    """
    defaults = {str(each["Name"]): each.get("DefaultValue") for each in declarations}
    for name, remedy in _OTHERS.items():
        uri = values.get(name)
        if uri is None or store.size(str(uri))[0]:
            continue
        if uri != defaults.get(name):
            raise UsageError(f"parameter {name!r}: {uri}: no object there ({store.path(str(uri))}). {remedy}")
        document.write_bytes(store.path(str(uri)), contract.ABSENT.encode())
