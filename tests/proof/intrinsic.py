# SPDX-License-Identifier: MIT-0
"""Templates with every intrinsic function replaced by a sample of what it gives, and what cannot be replaced.

An ImportValue is followed to the template that exports it, so that a policy of one stack is read with the bucket of
another.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.proof import sample

Documents = dict[str, dict[str, Any]]
_IN_TEXT: Final = re.compile(r"\$\{([^!}][^}]*)\}")
NOTHING: Final = object()


@dataclass(frozen=True)
class Resource:
    """One resource as the services will see it.

    Attributes:
        stack: Name of its template, such as Storage.
        id: Logical id.
        kind: Type, such as AWS::S3::Bucket.
        properties: Its properties, intrinsics resolved.
        where: Account and region that it is deployed to.
        rest: The declaration as it stands in the template (policies, metadata, intrinsics unresolved).
    """

    stack: str
    id: str
    kind: str
    properties: dict[str, Any]
    where: sample.Place
    rest: dict[str, Any]

    @property
    def place(self) -> str:
        """Where it stands, for a message."""
        return f"{self.stack}/{self.id}"

    @property
    def arn(self) -> str | None:
        """A sample of its ARN; None if its type has none here."""
        named = sample.name(self.id, self.properties, self.where)
        return sample.attribute(self.kind, named, "Arn", self.where)


def resources(documents: Documents) -> list[Resource]:
    """Return every resource of `documents`, resolved."""
    return [resource for name in documents for resource in Scope(documents, name).resources()]


def problems(documents: Documents) -> Iterator[str]:
    """Yield each intrinsic that refers to nothing."""
    for name in documents:
        scope = Scope(documents, name)
        scope.resources()
        scope.value(documents[name].get("Outputs", {}))
        yield from (f"{name}: {problem}" for problem in dict.fromkeys(scope.problems))


class Scope:
    """One template among others, in which intrinsics have meaning.

    Attributes:
        problems: What did not resolve so far.
    """

    def __init__(self, documents: Documents, name: str) -> None:
        self.name, self.problems = name, list[str]()
        self._documents, self._template = documents, documents[name]
        self._where = sample.where(name, self._template)

    def resources(self) -> list[Resource]:
        """Return the template's resources, resolved."""
        return [
            Resource(self.name, id_, each["Type"], self.value(each.get("Properties", {})), self._where, each)
            for id_, each in self._template.get("Resources", {}).items()
            if "Condition" not in each or self._condition(each["Condition"])
        ]

    def value(self, given: Any) -> Any:
        """Return `given` with every intrinsic inside it replaced."""
        if isinstance(given, list):
            return [each for each in map(self.value, given) if each is not NOTHING]
        if not isinstance(given, dict):
            return given
        function = _FUNCTIONS.get(next(iter(given), "")) if len(given) == 1 else None
        if function:
            return function(self, next(iter(given.values())))
        resolved = {key: self.value(each) for key, each in given.items()}
        return {key: each for key, each in resolved.items() if each is not NOTHING}

    def ref(self, name: str) -> Any:
        """Return what `Ref` of `name` gives."""
        if name == "AWS::NoValue":
            return NOTHING
        if name in sample.PSEUDO:
            return sample.pseudo(name, self._where)
        if name in self._template.get("Parameters", {}):
            return sample.parameter(name, self._template["Parameters"][name])
        declared = self._template.get("Resources", {}).get(name)
        if declared is None:
            return self._unresolved(f"Ref {name}")
        return sample.reference(declared["Type"], self._physical(name, declared), self._where)

    def attribute(self, given: list[str] | str) -> Any:
        """Return what `Fn::GetAtt` gives."""
        name, _, wanted = given.partition(".") if isinstance(given, str) else (given[0], "", self.value(given[1]))
        declared = self._template.get("Resources", {}).get(name)
        if declared is None:
            return self._unresolved(f"Fn::GetAtt {name}.{wanted}")
        found = sample.attribute(declared["Type"], self._physical(name, declared), wanted, self._where)
        return self._unresolved(f"Fn::GetAtt {name}.{wanted} of {declared['Type']}") if found is None else found

    def join(self, given: list[Any]) -> str:
        """Return what `Fn::Join` gives."""
        return str(given[0]).join(str(each) for each in self.value(given[1]))

    def sub(self, given: Any) -> str:
        """Return what `Fn::Sub` gives."""
        text, extra = given if isinstance(given, list) else (given, {})

        def put(match: re.Match[str]) -> str:
            name = match[1]
            found = (
                self.value(extra[name]) if name in extra else self.attribute(name) if "." in name else self.ref(name)
            )
            return str(found)

        return _IN_TEXT.sub(put, text)

    def imported(self, given: Any) -> Any:
        """Return what `Fn::ImportValue` gives: the value that another template exports under the name."""
        wanted = self.value(given)
        for name, document in self._documents.items():
            scope = Scope(self._documents, name)
            for output in document.get("Outputs", {}).values():
                if scope.value(output.get("Export", {}).get("Name")) == wanted:
                    return scope.value(output["Value"])
        return self._unresolved(f"Fn::ImportValue {wanted}")

    def mapped(self, given: list[Any]) -> Any:
        """Return what `Fn::FindInMap` gives."""
        table, first, second = self.value(given[:3])
        try:
            return self._template["Mappings"][table][first][second]
        except KeyError:
            return self._unresolved(f"Fn::FindInMap {table}.{first}.{second}")

    def chosen(self, given: list[Any]) -> Any:
        """Return what `Fn::If` gives."""
        return self.value(given[1] if self._condition(given[0]) else given[2])

    def selected(self, given: list[Any]) -> Any:
        """Return what `Fn::Select` gives."""
        number, listed = self.value(given)
        return listed[int(number)] if int(number) < len(listed) else self._unresolved(f"Fn::Select {given}")

    def split(self, given: list[Any]) -> list[str]:
        """Return what `Fn::Split` gives."""
        by, text = self.value(given)
        return str(text).split(by)

    def _condition(self, name: str) -> bool:
        declared = self._template.get("Conditions", {}).get(name)
        return bool(self._unresolved(f"Condition {name}") if declared is None else self.value(declared))

    def _physical(self, logical_id: str, declared: dict[str, Any]) -> str:
        given = {key: each for key, each in declared.get("Properties", {}).items() if key.endswith("Name")}
        return sample.name(logical_id, self.value(given), self._where)

    def _unresolved(self, what: str) -> str:
        self.problems.append(f"{what} refers to nothing")
        return "unresolved"


_FUNCTIONS: Final[dict[str, Callable[[Scope, Any], Any]]] = {
    "Ref": Scope.ref,
    "Fn::GetAtt": Scope.attribute,
    "Fn::Join": Scope.join,
    "Fn::Sub": Scope.sub,
    "Fn::ImportValue": Scope.imported,
    "Fn::FindInMap": Scope.mapped,
    "Fn::If": Scope.chosen,
    "Fn::Select": Scope.selected,
    "Fn::Split": Scope.split,
    "Fn::Base64": Scope.value,
    "Fn::Not": lambda scope, given: not scope.value(given[0]),
    "Fn::And": lambda scope, given: all(map(scope.value, given)),
    "Fn::Or": lambda scope, given: any(map(scope.value, given)),
    "Fn::Equals": lambda scope, given: scope.value(given[0]) == scope.value(given[1]),
    "Condition": lambda scope, given: scope._condition(given) if isinstance(given, str) else {"Condition": given},
}
