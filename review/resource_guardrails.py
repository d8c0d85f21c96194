# SPDX-License-Identifier: MIT-0
"""Judges guardrails that consist of more than one property: lifecycles, alarms, events, deliveries, state machines.

Sources: CloudFormation template reference of the types below; Amazon EventBridge User Guide, "Event patterns" and
"Schedules"; Amazon CloudWatch User Guide, "Evaluating an alarm"; Amazon States Language specification.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from review.guardrails import SOONER, Loss, as_number, property_losses
from review.markdown import code_span, old_and_new
from review.template_diff import ABSENT, Difference, json_differences

Properties = Mapping[str, Any]
# Returns the losses between two resources of a type; the last argument tells the type behind a reference.
Comparison = Callable[[Properties, Properties, Mapping[str, str]], Iterator[Loss]]
_REFERENCE: Final = re.compile(r"\$\{([\w/-]+)[.}]")


def loss_text(loss: Loss) -> str:
    """Return what is lost, as Markdown."""
    what = loss.what
    text = what if isinstance(what, str) else f"{code_span(what.path)} {old_and_new(what)}"
    return f"{text} ({loss.effect})" if loss.effect else text


def resource_losses(
    old: Mapping[str, Any], new: Mapping[str, Any], type_of: Mapping[str, str] | None = None
) -> list[Loss]:
    """Return what watches, limits, asks, undoes or keeps less in `new` than in `old`, without doubles.

    Args:
        old: The resource in the old template, with its functions as text.
        new: The same in the new one.
        type_of: Resource types by logical id, and by ``stack/logical id`` for what is imported.
    """
    kind = new.get("Type", "")
    before, after = old.get("Properties", {}), new.get("Properties", {})
    found = [
        loss
        for pattern, compare in _COMPARISONS
        if re.search(pattern, kind)
        for loss in compare(before, after, type_of or {})
    ]
    if kind.endswith("StateMachine"):
        before = _with_new_names(before, after)
    found += property_losses(kind, *(_with_targets_by_arn(kind, each) for each in (before, after)))
    for name, effect in _ATTRIBUTES.items():
        was, now = (each.get(name, ABSENT) for each in (old, new))
        if was != now and (now is not ABSENT) == (name == "Condition"):
            found.append(Loss.of(Difference(name, was, now), effect))
    return list({loss.path: loss for loss in found}.values())


# Attributes of a resource; a condition makes it depend on a parameter, the others are policies.
_ATTRIBUTES: Final = {
    "Condition": "not there in each case",
    "CreationPolicy": "undoes less",
    "UpdatePolicy": "undoes less",
}


def _with_targets_by_arn(kind: str, properties: Properties) -> Properties:
    """Return the properties of an event rule with its targets by what they call, because their ids mean nothing."""
    if not kind.endswith("Events::Rule") or not isinstance(properties.get("Targets"), list):
        return properties
    targets = [{**each, "Id": str(each.get("Arn"))} for each in properties["Targets"]]
    return {**properties, "Targets": targets}


def _lifecycle_losses(old: Properties, new: Properties, _: Mapping[str, str]) -> Iterator[Loss]:
    """A new expiry is a loss unless an old one deletes the same objects as soon."""
    if all(old.get(name) == new.get(name) for name in ("LifecycleConfiguration", "LifecyclePolicy")):
        return
    before = [*_expiries(old)]
    for name, scope, amount in _expiries(new):
        had = [was for other, wide, was in before if name == other and _covers(wide, scope)]
        # An expiry that is new is told once, by its days.
        if (not had and name == _VERSIONS) or any(was <= amount for was in had):
            continue
        where = f" of {code_span(scope)}" if scope else ""
        was = f"{code_span(_plain(min(had)))} → " if had else "now "
        yield Loss(f"{name} {scope}", f"{code_span(name)}{where} {was}{code_span(_plain(amount))}", SOONER)


_VERSIONS: Final = "NewerNoncurrentVersions"


def _covers(wide: Mapping[str, Any], scope: Mapping[str, Any]) -> bool:
    """Return whether each object of `scope` is one of `wide`."""
    narrowed = dict(scope)
    if str(scope.get("Prefix", "")).startswith(str(wide.get("Prefix", ""))):
        narrowed["Prefix"] = wide.get("Prefix", "")
    return all(narrowed.get(key) == value for key, value in wide.items())


def _plain(amount: float) -> str:
    return f"{amount:g}"


def _expiries(properties: Properties) -> Iterator[tuple[str, Mapping[str, Any], float]]:
    """Yield what a lifecycle deletes: the measure, which objects, and the days or the number that is kept."""
    for rule in properties.get("LifecycleConfiguration", {}).get("Rules", []):
        if str(rule.get("Status")) == "Enabled":
            yield from _bucket_expiries(rule)
    policy = properties.get("LifecyclePolicy", {})
    text = policy.get("LifecyclePolicyText", policy) if isinstance(policy, dict) else policy
    for rule in text.get("rules", []) if isinstance(text, dict) else []:
        selection = dict(rule.get("selection", {}))
        amount = as_number(selection.pop("countNumber", 0), 0)
        selection.pop("countUnit", None)
        name = str(selection.pop("countType", "countNumber"))
        if selection.get("tagStatus") == "any":
            del selection["tagStatus"]
        yield name, selection, amount


def _bucket_expiries(rule: Properties) -> Iterator[tuple[str, Mapping[str, Any], float]]:
    scope = {key: rule[key] for key in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan") if rule.get(key)}
    scope |= {f"tag {each.get('Key')}": each.get("Value") for each in rule.get("TagFilters", [])}
    noncurrent = rule.get("NoncurrentVersionExpiration", {})
    days = noncurrent.get("NoncurrentDays", rule.get("NoncurrentVersionExpirationInDays"))
    if "ExpirationInDays" in rule:
        yield "ExpirationInDays", scope, as_number(rule["ExpirationInDays"])
    if "ExpirationDate" in rule:
        yield f"ExpirationDate {rule['ExpirationDate']}", scope, 0
    if days is not None:
        kept = as_number(noncurrent.get("NewerNoncurrentVersions", 0))
        yield "NoncurrentDays", scope, as_number(days)
        # As many newer versions stay in any case: with fewer of them more is deleted.
        yield _VERSIONS, scope, kept


_SAMPLE_SIZES: Final = {"minimum": 0.0, "average": 50.0, "maximum": 100.0}


def _alarm_losses(old: Properties, new: Properties, _: Mapping[str, str]) -> Iterator[Loss]:
    above = str(old.get("ComparisonOperator")).startswith("Greater")
    changed = [each for each in json_differences(dict(old), dict(new)) if each.path in _ALARM_JUDGES]
    for each in changed:
        judge, effect = _ALARM_JUDGES[each.path]
        if judge(each.old, each.new, above):
            yield Loss.of(each, effect)
    yield from _period_losses(old, new)
    statistics = [str(side.get("ExtendedStatistic") or side.get("Statistic")) for side in (old, new)]
    if statistics[0] != statistics[1] and not _is_stricter(statistics[0], statistics[1], above=above):
        yield Loss.of(Difference("Statistic", *statistics), _LATER)
    measured = [[{**each, "Label": ""} for each in side.get("Metrics", [])] for side in (old, new)]
    if measured[0] != measured[1]:
        yield Loss("Metrics", f"{code_span('Metrics')} change", _OTHERWISE)
    named = [{str(each.get("Name")): each.get("Value") for each in side.get("Dimensions", [])} for side in (old, new)]
    for each in json_differences(named[0], named[1], "Dimensions"):
        yield Loss.of(each, _OTHERWISE)


_LATER, _OTHERWISE = "alarms later or less", "watches something else"


def _is_looser_operator(old: Any, new: Any, _above: bool) -> bool:  # noqa: ANN401, FBT001
    return bool(new != str(old).replace("Threshold", "OrEqualToThreshold"))


def _is_looser_threshold(old: Any, new: Any, above: bool) -> bool:  # noqa: ANN401, FBT001
    before, after = as_number(old), as_number(new)
    return math.isnan(before) or math.isnan(after) or (after > before if above else after < before)


def _is_quieter(old: Any, new: Any, _above: bool) -> bool:  # noqa: ANN401, FBT001
    ranks = {"breaching": 0, "notBreaching": 2}
    return ranks.get(str(new), 1) > ranks.get(str(old), 1)


_ALARM_JUDGES: Final[dict[str, tuple[Callable[[Any, Any, bool], bool], str]]] = {
    "ComparisonOperator": (_is_looser_operator, _LATER),
    "Threshold": (_is_looser_threshold, _LATER),
    "TreatMissingData": (_is_quieter, "silent where nothing is measured"),
    **dict.fromkeys(("Namespace", "MetricName", "ThresholdMetricId", "Unit"), (lambda *_: True, _OTHERWISE)),
}


def _period_losses(old: Properties, new: Properties) -> Iterator[Loss]:
    """More breaches are needed, or fewer periods without one are allowed among them, or a period is longer."""
    periods = [as_number(side.get("EvaluationPeriods", 1)) for side in (old, new)]
    needed = [as_number(side.get("DatapointsToAlarm", every)) for side, every in zip((old, new), periods, strict=True)]
    if not (needed[1] <= needed[0] and periods[1] - needed[1] >= periods[0] - needed[0]):
        before, after = (f"{count:g} of {every:g}" for count, every in zip(needed, periods, strict=True))
        yield Loss.of(Difference("EvaluationPeriods", before, after), _LATER)
    seconds = [as_number(side.get("Period", 0)) for side in (old, new)]
    # Over a shorter period a sum is smaller.
    summed = str(old.get("Statistic")) in {"Sum", "SampleCount"} and seconds[1] < seconds[0]
    if not seconds[1] <= seconds[0] or summed:
        yield Loss.of(Difference("Period", old.get("Period", ABSENT), new.get("Period", ABSENT)), _LATER)


def _is_stricter(old: str, new: str, *, above: bool) -> bool:
    before, after = (_SAMPLE_SIZES.get(each.lower(), as_number(each.removeprefix("p"))) for each in (old, new))
    return after > before if above else after < before


# What only tells of an event, so that more events are no risk.
_TELLERS: Final = frozenset({"AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Logs::LogGroup"})


def _rule_losses(old: Properties, new: Properties, type_of: Mapping[str, str]) -> Iterator[Loss]:
    before, after = old.get("EventPattern", ABSENT), new.get("EventPattern", ABSENT)
    targets = [_reference_type(each.get("Arn"), type_of) for each in new.get("Targets", [])]
    tells = bool(targets) and all(each in _TELLERS for each in targets)
    if before is not ABSENT:
        for difference, is_list in _pattern_changes(before, after, "EventPattern"):
            more = difference.new is not ABSENT if is_list else difference.new is ABSENT
            fewer = difference.old is not ABSENT if is_list else difference.old is ABSENT
            # That more is told of is no risk, unless a whole key was dropped.
            if fewer or not is_list or not tells:
                effect = "matches other events" if more == fewer else "more events match" if more else "watches less"
                yield Loss.of(difference, effect)
    yield from _schedule_losses(old, new, type_of)


def _reference_type(arn: Any, type_of: Mapping[str, str]) -> str:  # noqa: ANN401  any JSON
    found = _REFERENCE.search(str(arn))
    return type_of.get(found.group(1), "") if found else ""


def _pattern_changes(old: Any, new: Any, path: str) -> Iterator[tuple[Difference, bool]]:  # noqa: ANN401  any JSON
    """Yield what differs, and whether it is values of a list; otherwise a key comes, goes or changes as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _pattern_changes(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        gone, added = [each for each in old if each not in new], [each for each in new if each not in old]
        if gone or added:
            yield Difference(path, gone or ABSENT, added or ABSENT), True
    elif old != new:
        yield Difference(path, old, new), False


def _schedule_losses(old: Properties, new: Properties, _: Mapping[str, str]) -> Iterator[Loss]:
    before, after = old.get("ScheduleExpression", ABSENT), new.get("ScheduleExpression", ABSENT)
    if before is ABSENT or before == after:
        return
    rates = [runs_per_day(str(each)) for each in (before, after)]
    if after is ABSENT or not rates[1] >= rates[0]:
        yield Loss.of(Difference("ScheduleExpression", before, after), "runs less often")


_MINUTES: Final = {"minute": 1, "hour": 60, "day": 1440}
_CRON: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (1, 7))


def runs_per_day(expression: str) -> float:
    """Return how often a schedule runs in a day, on average; not a number where the expression is not understood."""
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression.strip()):
        return 1440 / (int(rate.group(1)) * _MINUTES[rate.group(2)])
    cron = re.fullmatch(r"cron\((.*)\)", expression.strip())
    fields = cron.group(1).split() if cron else []
    if len(fields) < len(_CRON):
        return math.nan
    counts = [_cron_count(field, *bounds) for field, bounds in zip(fields, _CRON, strict=False)]
    days = counts[2] / 31 if fields[4] in {"?", "*"} else counts[4] / 7
    return counts[0] * counts[1] * days * counts[3] / 12


def _cron_count(field: str, low: int, high: int) -> float:
    total, width = 0.0, 0.0
    for part in field.split(","):
        base, _, step = part.partition("/")
        first, _, last = base.partition("-")
        if base in {"*", "?"}:
            width = high - low + 1
        elif first.isdigit() and (last.isdigit() or not last):
            width = (int(last) if last else (high if step else int(first))) - int(first) + 1
        else:
            # Names of months and days, and L, W, #: a single one, or a range of unknown width.
            width = math.nan if last else 1
        total += math.ceil(width / int(step)) if step.isdigit() else width
    return total


_CHECKS: Final = frozenset({"Approval", "Test", "Invoke"})
# Where a check's configuration says what is called, and with what.
_CHECKED: Final = ("FunctionName", "ProjectName", "UserParameters", "EnvironmentVariables")
Actions = dict[tuple[str, str], tuple[tuple[int, int], Properties]]  # place and action by stage and name


def _delivery_losses(old: Properties, new: Properties, _: Mapping[str, str]) -> Iterator[Loss]:
    olds: Actions = dict(_actions(old))
    news: Actions = dict(_actions(new))
    for name, (_place, action) in olds.items():
        category, title = _category(action), f"action {code_span('/'.join(name))} ({_category(action)})"
        now = _successor(name, action, olds, news)
        if now is None:
            # Fewer approvals are counted as such.
            if category != "Approval" or _approvals(olds) == _approvals(news):
                yield Loss(str(name), f"{title} is removed")
        elif category in _CHECKS:
            configured = [dict(each.get("Configuration", {})) for each in (action, news[now][1])]
            for each in json_differences(configured[0], configured[1]):
                # What is told in addition is no loss, and so is the text that a person reads.
                if each.old is not ABSENT and each.path.startswith(_CHECKED):
                    yield Loss(f"{name} {each.path}", f"{title}: {loss_text(Loss.of(each, 'checks something else'))}")
            yield from _order_losses(title, name, now, olds, news)


def _actions(properties: Properties) -> Iterator[tuple[tuple[str, str], tuple[tuple[int, int], Properties]]]:
    """Yield stage and action, each with its place and itself."""
    for at, stage in enumerate(properties.get("Stages", [])):
        for action in stage.get("Actions", []):
            yield (
                (str(stage.get("Name")), str(action.get("Name"))),
                ((at, int(as_number(action.get("RunOrder", 1)))), action),
            )


def _category(action: Properties) -> str:
    return str(action.get("ActionTypeId", {}).get("Category", ""))


def _approvals(actions: Actions) -> int:
    return sum(_category(action) == "Approval" for _, action in actions.values())


def _successor(name: tuple[str, str], action: Properties, olds: Actions, news: Actions) -> tuple[str, str] | None:
    """Return the name of the same action in the new delivery; None where there is none."""
    if name in news and news[name][1].get("ActionTypeId") == action.get("ActionTypeId"):
        return name
    wanted = [action.get(key) for key in ("ActionTypeId", "Configuration")]
    equal = (
        other
        for other, (_, each) in news.items()
        if other not in olds and [each.get(key) for key in ("ActionTypeId", "Configuration")] == wanted
    )
    return next(equal, None)


def _order_losses(
    title: str, was: tuple[str, str], now: tuple[str, str], olds: Actions, news: Actions
) -> Iterator[Loss]:
    """A check that came before or after a deployment has to stay there."""
    for other, (place, action) in olds.items():
        then = _successor(other, action, olds, news)
        if _category(action) != "Deploy" or then is None:
            continue
        for word, old, new in (
            ("before", olds[was][0] < place, news[now][0] < news[then][0]),
            ("after", olds[was][0] > place, news[now][0] > news[then][0]),
        ):
            if old and not new:
                yield Loss(f"{was} {other}", f"{title} no longer comes {word} {code_span('/'.join(other))}")


_DECIDING: Final = frozenset({"Choice", "Task", "Fail", "Parallel", "Map"})


def _state_losses(old: Properties, new: Properties, _: Mapping[str, str]) -> Iterator[Loss]:
    """A state that is no longer reached checks, asks or undoes nothing any more."""
    olds, news = (_reached(side.get("DefinitionString") or side.get("Definition")) for side in (old, new))
    bodies = [_body(each) for name, each in news.items() if name not in olds]
    for name, state in olds.items():
        if name not in news and state.get("Type") in _DECIDING and _body(state) not in bodies:
            yield Loss(
                f"state {name}", f"state {code_span(name)} ({state.get('Type')}) is removed or no longer reached"
            )


def _with_new_names(old: Properties, new: Properties) -> Properties:
    """Return the properties of a state machine with the new name of each state that only gets another one."""
    keys = [key for key in ("DefinitionString", "Definition") if isinstance(old.get(key), dict)]
    if not keys or not isinstance(new.get(keys[0]), dict):
        return old
    states, others = (side[keys[0]].get("States", {}) for side in (old, new))
    bodies = {_body(state): name for name, state in others.items() if name not in states}
    renamed = {
        name: bodies[_body(state)] for name, state in states.items() if _body(state) in bodies and name not in others
    }

    def mapped(value: Any, key: str = "") -> Any:  # noqa: ANN401  any JSON
        if isinstance(value, dict):
            names = renamed if key == "States" else {}
            return {names.get(name, name): mapped(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [mapped(each) for each in value]
        return renamed.get(value, value) if key in {"Next", "Default", "StartAt"} else value

    return {**old, keys[0]: mapped(old[keys[0]])}


def _dashboard_losses(old: Properties, new: Properties, _: Mapping[str, str]) -> Iterator[Loss]:
    """What a dashboard no longer shows."""
    olds, news = (set(_shown(side.get("DashboardBody"))) for side in (old, new))
    if gone := sorted(olds - news):
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        yield Loss("DashboardBody", f"no longer shows {code_span(gone[0])}{more}", "watches less")


def _shown(body: Any) -> Iterator[str]:  # noqa: ANN401  any JSON
    for widget in body.get("widgets", []) if isinstance(body, dict) else []:
        properties = widget.get("properties", {})
        for metric in properties.get("metrics", []):
            yield " ".join(str(each) for each in metric if not isinstance(each, dict))
        yield from (str(each) for each in properties.get("alarms", []))


def _body(state: Properties) -> str:
    return json.dumps({key: each for key, each in state.items() if key not in {"Next", "Default"}}, sort_keys=True)


def _reached(definition: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    """Return the states of a definition that can be reached, with those of its branches."""
    states = definition.get("States", {}) if isinstance(definition, dict) else {}
    found: dict[str, Any] = {}
    todo = [definition.get("StartAt")] if states else []
    while todo:
        name = todo.pop()
        if name in found or name not in states:
            continue
        found[name] = state = states[name]
        todo += [state.get("Next"), state.get("Default")]
        todo += [each.get("Next") for key in ("Choices", "Catch") for each in state.get(key, [])]
        for inner in (*state.get("Branches", []), state.get("Iterator"), state.get("ItemProcessor")):
            found |= _reached(inner)
    return found


_CHECKING: Final = re.compile(
    r"(?i)(?:^|[-_.])(?:py)?(?:check|test|lint|scan|audit|verif|valid|diff|review|nag|approv|sign)"
)


def _build_losses(old: Properties, new: Properties, _: Mapping[str, str]) -> Iterator[Loss]:
    """Words of a build's commands that check something."""
    olds, news = (Counter(re.findall(r"[\w.-]+", _build_text(side))) for side in (old, new))
    lost = sorted(word for word in olds - news if _CHECKING.search(word))
    if lost:
        words = ", ".join(map(code_span, lost))
        yield Loss("Source.BuildSpec", f"{code_span('BuildSpec')} no longer runs {words}")


def _build_text(properties: Properties) -> str:
    return json.dumps(properties.get("Source", {}).get("BuildSpec", ""))


_COMPARISONS: Final[tuple[tuple[str, Comparison], ...]] = (
    (r"^AWS::(?:S3|ECR)::", _lifecycle_losses),
    (r"::Alarm$", _alarm_losses),
    (r"Events::Rule$", _rule_losses),
    (r"Scheduler::Schedule$", _schedule_losses),
    (r"CodePipeline::Pipeline$", _delivery_losses),
    (r"StateMachine$", _state_losses),
    (r"CodeBuild::Project$", _build_losses),
    (r"CloudWatch::Dashboard$", _dashboard_losses),
)
