# SPDX-License-Identifier: MIT-0
"""Reads Settings from the CDK's context: ``-c section.name=value``.

Errors:
    SettingError: A key is unknown, or a value is not of the setting's type or not one of its choices.
"""

import dataclasses
import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from stacks.settings.deployment_settings import Settings

# Context key of the qualifier of the CDK's bootstrap, which synth puts into the names of its roles and buckets.
BOOTSTRAP_QUALIFIER_KEY: Final = "@aws-cdk/core:bootstrapQualifier"
_ROOT: Final = Path(__file__).parents[2]
# Keys that `cdk acknowledge` and `cdk cli-telemetry` write to cdk.json or cdk.context.json.
_CDK_CLI_KEYS: Final = frozenset({"acknowledged-issue-numbers", "cli-telemetry"})
# The settings of the last command that deployed, see `context_of_settings`.
_DEPLOYED_KEY: Final = "deployed"
_BOOLEANS: Final = {"true": True, "false": False}


def project_context(pairs: Sequence[str], root: Path = _ROOT) -> dict[str, Any]:
    """Return the context that the CDK's command line would pass to the application, for callers that run without it.

    Source: CDK Developer Guide, "Context values and the AWS CDK": the command line overrides cdk.json, which
    overrides cdk.context.json; ~/.cdk.json comes last.

    Args:
        pairs: ``KEY=VALUE`` each, from the command line.
        root: Root folder of the project.
    """
    user, project = _read_json(Path.home() / ".cdk.json"), _read_json(root / "cdk.json")
    found: dict[str, Any] = user.get("context", {}) | _read_json(root / "cdk.context.json") | project.get("context", {})
    return found | {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


def toolkit_stack_name(root: Path = _ROOT) -> str:
    """Return the name of the stack of the CDK's bootstrap: cdk.json, or else ~/.cdk.json, may give another."""
    named = (_read_json(each).get("toolkitStackName") for each in (root / "cdk.json", Path.home() / ".cdk.json"))
    return next((str(name) for name in named if name), "CDKToolkit")


def _read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


class SettingError(Exception):
    """An invalid setting; the message names the setting, its value, the allowed values and the remedy."""


def settings_from_context(context: Mapping[str, Any]) -> Settings:
    """Return the default settings with the changes of `context`.

    Keys of the CDK itself hold a colon or an at sign (feature flags, lookups) and are ignored.

    Raises:
        SettingError: A key names no setting, or its value does not fit.
    """
    settings = Settings()
    for key, carried in sorted(context.get(_DEPLOYED_KEY, {}).items()):
        # A default that has changed since is a newer choice, committed to deployment_settings.py.
        if key in setting_types() and _setting_value(Settings(), key) == carried["default"]:
            settings = _replace_setting(settings, key, carried["value"])
    for key, value in sorted(context.items()):
        if ":" not in key and "@" not in key and key not in _CDK_CLI_KEYS | {_DEPLOYED_KEY}:
            settings = _replace_setting(settings, key, value)
    return settings


def context_of_settings(settings: Settings) -> dict[str, dict[str, dict[str, str | int | bool]]]:
    """Return the context that carries the changed settings of a command on to a later commit, with their defaults.

    `settings_from_context` restores `settings` from it, except for settings whose default has changed since.
    """
    both = {
        key: {"value": _setting_value(settings, key), "default": _setting_value(Settings(), key)}
        for key in setting_types()
    }
    chosen = {key: each for key, each in both.items() if each["value"] != each["default"]}
    return {_DEPLOYED_KEY: chosen} if chosen else {}


def setting_types() -> dict[str, Any]:
    """Return the type of each setting by its context key."""
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(Settings).items():
        if dataclasses.is_dataclass(kind):
            found |= {f"{name}.{each}": inner for each, inner in get_type_hints(kind).items()}
        else:
            found[name] = kind
    return found


def _setting_value(settings: Settings, key: str) -> str | int | bool:
    section, _, name = key.rpartition(".")
    value: str | int | bool = getattr(getattr(settings, section) if section else settings, name)
    return value


def _replace_setting(settings: Settings, key: str, value: object) -> Settings:
    known = setting_types()
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise SettingError(f"context {key!r}: no such setting. {hint}Known: {', '.join(sorted(known))}.")
    section, _, name = key.rpartition(".")
    changed: dict[str, Any] = {name: _parse_setting(key, value, known[key])}
    if section:
        changed = {section: dataclasses.replace(getattr(settings, section), **changed)}
    return dataclasses.replace(settings, **changed)


def _parse_setting(key: str, value: object, kind: Any) -> str | int | bool:
    """Convert `value`, which is text when it comes from the command line, to type `kind`."""
    text = str(value).strip()
    if kind is bool and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if kind is int and text.removeprefix("-").isdecimal():
        return int(text)
    if get_origin(kind) is Literal and text in get_args(kind):
        return text
    if kind is str and isinstance(value, str | int) and not isinstance(value, bool):
        return text
    raise SettingError(f"context {key!r}: {value!r} is not allowed. Give {_describe_allowed_values(kind)}.")


def _describe_allowed_values(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    return {bool: "true or false", int: "a whole number", str: "text"}[kind]
