"""Label selectors and field selectors."""

import re
from typing import Callable

from .status import bad_request
from .store import Object

Predicate = Callable[[Object], bool]

_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_KEY = rf"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?{_NAME}"
_VALUE = rf"({_NAME})?"
_SET = re.compile(rf"\s*(?P<key>{_KEY})\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)\s*")
_EQUAL = re.compile(rf"\s*(?P<key>{_KEY})\s*(?P<operator>==|=|!=)\s*(?P<value>{_VALUE})\s*")
_EXISTS = re.compile(rf"\s*(?P<not>!\s*)?(?P<key>{_KEY})\s*")


def _labels(value: Object) -> dict[str, str]:
    return value["metadata"].get("labels") or {}


def label_selector(text: str) -> Predicate:
    """Returns the predicate of `labelSelector=text`; all requirements must hold. Raises an `APIError` 400."""
    requirements: list[Predicate] = []
    for part in re.split(r",(?![^(]*\))", text) if text.strip() else []:
        requirements.append(_requirement(part))
    return lambda value: all(requirement(value) for requirement in requirements)


def _requirement(part: str) -> Predicate:
    if found := _SET.fullmatch(part):
        key, wanted = found["key"], found["operator"] == "in"
        values = {value.strip() for value in found["values"].split(",")}
        # A missing label is in no set.
        return lambda value: (_labels(value).get(key) in values) == wanted
    if found := _EQUAL.fullmatch(part):
        key, text, equal = found["key"], found["value"], found["operator"] != "!="
        return lambda value: (_labels(value).get(key) == text) == equal
    if found := _EXISTS.fullmatch(part):
        key, present = found["key"], found["not"] is None
        return lambda value: (key in _labels(value)) == present
    raise bad_request(f"unable to parse requirement: {part!r}")


def field_selector(text: str, fields: tuple[str, ...]) -> Predicate:
    """Returns the predicate of `fieldSelector=text` for a resource with these `fields`. Raises an `APIError` 400."""
    requirements: list[tuple[list[str], str, bool]] = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"([\w.]+)(==|=|!=)(.*)", part)
        if not found:
            raise bad_request(f"invalid selector: {text!r}; can't understand {part!r}")
        if found[1] not in fields:
            raise bad_request(f"field label not supported: {found[1]}")
        requirements.append((found[1].split("."), found[3], found[2] != "!="))

    def field(value: Object, path: list[str]) -> str:
        inner: object = value
        for name in path:
            inner = inner.get(name, "") if isinstance(inner, dict) else ""
        return str(inner)

    return lambda value: all((field(value, path) == text) == equal for path, text, equal in requirements)
