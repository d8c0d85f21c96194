# SPDX-License-Identifier: MIT-0
"""The conditions of a Condition step.

All types of the service's published definition schema (Equals, NotEquals, GreaterThan, GreaterThanOrEqualTo, LessThan,
LessThanOrEqualTo, In, NotIn, Or) and those that the SageMaker SDK emits besides (Not; In with QueryValue and Values).
There is no And type: a Condition step's list of conditions is one.
"""

import operator
from collections.abc import Callable
from typing import Final

from local.document import Json, Object
from local.error import DefinitionError, StepError, allowed
from local.expression import Scope, evaluate

_ORDER: Final[dict[str, Callable[[Json, Json], bool]]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_BINARY: Final = ("Equals", "NotEquals", *_ORDER)
_MEMBER: Final = ("In", "NotIn")
TYPES: Final = (*_BINARY, *_MEMBER, "Not", "Or")


def check(condition: Json, place: str) -> None:
    """Refuse a condition that this engine does not know, by name.

    Raises:
        DefinitionError: The type or one of its fields is unknown or missing.
    """
    kind = condition.get("Type") if isinstance(condition, dict) else None
    if kind not in TYPES:
        raise DefinitionError(f"{place}: condition type {kind!r} is unknown. {allowed(str(kind), TYPES)}")
    forms = _forms(kind)
    fields = set(condition) - {"Type"}
    if fields not in forms:
        wanted = " or ".join(", ".join(sorted(form)) for form in forms)
        raise DefinitionError(f"{place}: condition {kind} has the fields {sorted(fields)}. It takes {wanted}.")
    for child in _children(condition):
        check(child, place)


def holds(condition: Object, scope: Scope) -> bool:
    """Return whether `condition`, which passed `check`, is true.

    Raises:
        StepError: Values that have no order are compared by order.
    """
    kind: str = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], scope)
    if kind == "Or":
        return any(holds(child, scope) for child in condition["Conditions"])
    if kind in _MEMBER:
        return _is_member(condition, scope) == (kind == "In")
    left, right = evaluate(condition["LeftValue"], scope), evaluate(condition["RightValue"], scope)
    if kind in _ORDER:
        return _ordered(kind, left, right)
    return _equal(left, right) == (kind == "Equals")


def _forms(kind: str) -> list[set[str]]:
    if kind in _BINARY:
        return [{"LeftValue", "RightValue"}]
    if kind == "Not":
        return [{"Condition"}]
    if kind == "Or":
        return [{"Conditions"}]
    return [{"QueryValue", "Values"}, {"Value", "In"}]


def _children(condition: Object) -> list[Json]:
    if condition["Type"] == "Not":
        return [condition["Condition"]]
    return list(condition.get("Conditions", []))


def _is_member(condition: Object, scope: Scope) -> bool:
    query = evaluate(condition["QueryValue"] if "QueryValue" in condition else condition["Value"], scope)
    values = evaluate(condition["Values"] if "Values" in condition else condition["In"], scope)
    return any(_equal(query, value) for value in values)


def _equal(left: Json, right: Json) -> bool:
    # Python holds True == 1, the service does not: JSON's booleans and numbers differ.
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _ordered(kind: str, left: Json, right: Json) -> bool:
    for value in (left, right):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise StepError(f"condition {kind}: {value!r} is no number. Compare numbers, or use Equals.")
    return bool(_ORDER[kind](left, right))
