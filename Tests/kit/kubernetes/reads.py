"""Lists in pages and watches of one resource, by the parameters of the request."""

import base64
import json
import random
import time
from dataclasses import dataclass
from typing import Callable, Iterator

from . import selectors
from .resources import Resource, custom_resources
from .status import APIError, bad_request, expired, invalid, too_large_version
from .store import Change, Compacted, Key, Object, Store, with_version

_TOO_OLD = "The resourceVersion for the provided list is too old."
_TOKEN_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. "
    "A new list without it starts over; the continue token of this answer lists the rest as it is now."
)


@dataclass(frozen=True)
class Options:
    """Validated parameters of a list or a watch."""

    selected: Callable[[Key, Object], bool]
    filtered: bool
    limit: int
    token: str
    version: int | None
    exact: bool
    timeout: int
    bookmarks: bool

    @classmethod
    def of(cls, resource: Resource, namespace: str, query: dict[str, str]) -> "Options":
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        by_label = selectors.label_selector(labels)
        by_field = selectors.field_selector(fields, resource.fields)
        version = query.get("resourceVersion", "")
        match = query.get("resourceVersionMatch", "")
        if match and not version:
            cause = (
                "resourceVersionMatch",
                "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
            )
            raise invalid("meta.k8s.io", "ListOptions", "", [cause])
        if version and not version.isdigit():
            raise APIError(
                500,
                "",
                f'resourceVersion: Invalid value: "{version}": strconv.ParseUint: parsing "{version}": invalid syntax',
            )
        limit = _number(query, "limit")
        return cls(
            selected=lambda key, value: (not namespace or key[0] == namespace) and by_label(value) and by_field(value),
            filtered=bool(labels or fields),
            limit=limit,
            token=query.get("continue", ""),
            version=int(version) if version else None,
            exact=match == "Exact" or (limit > 0 and not match and version != "0"),
            timeout=_number(query, "timeoutSeconds"),
            bookmarks=query.get("allowWatchBookmarks", "") in ("1", "true"),
        )


def _number(query: dict[str, str], name: str) -> int:
    text = query.get(name) or "0"
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def listed(store: Store, resource: Resource, options: Options) -> Object:
    """Returns the list object; raises an `APIError`."""
    with store.changed:
        start: Key | None = None
        revision = store.revision
        limit = options.limit
        if options.token:
            if options.version:
                raise bad_request("specifying resource version is not allowed when using continue")
            continued, start = _decoded(options.token)
            # A token from an answer 410 has the revision -1 and continues with the current state.
            revision = continued if continued > 0 else revision
        elif options.version:
            if options.version > store.revision:
                raise too_large_version(options.version, store.revision)
            revision = options.version if options.exact else revision
        elif options.version == 0:
            # Version 0 accepts any state, and returns all objects without pages.
            limit = 0
        try:
            items = store.items(resource.id, revision)
        except Compacted:
            if start is None:
                raise expired(_TOO_OLD) from None
            raise expired(_TOKEN_TOO_OLD, {"continue": _encoded(-1, start)}) from None
    if options.version is not None and not options.exact:
        # The real server answers these from its memory, which is not ordered.
        random.shuffle(items)
    items = [(key, value) for key, value in items if options.selected(key, value) and (start is None or key >= start)]
    metadata: Object = {"resourceVersion": str(revision)}
    if resource.custom:
        metadata = {"continue": ""} | metadata
    if 0 < limit < len(items):
        metadata["continue"] = _encoded(revision, items[limit][0])
        if not options.filtered:
            metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": [value if resource.custom else _bare(value) for _, value in items],
    }


def _bare(value: Object) -> Object:
    """Returns an item without its kind, which a list of a built-in resource contains only once."""
    return {name: inner for name, inner in value.items() if name not in ("kind", "apiVersion")}


def _encoded(revision: int, start: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps([revision, *start]).encode()).decode().rstrip("=")


def _decoded(token: str) -> tuple[int, Key]:
    try:
        revision, namespace, name = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(revision), (namespace, name)
    except (ValueError, TypeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from None


class Watch:
    """One watch as a sequence of events, which the caller sends."""

    def __init__(self, store: Store, resource: Resource, options: Options, bookmark_every: float):
        self._store, self._resource, self._options = store, resource, options
        self._every = bookmark_every
        self._end = time.monotonic() + (options.timeout or random.uniform(1800, 3600))
        self._at = options.version or 0
        self._bookmark = self._next_bookmark()

    def _next_bookmark(self) -> float:
        """Returns the time of the next bookmark: after the interval, or 2 s before the end, so that the next watch
        begins close to the current version."""
        now = time.monotonic()
        early = self._end - 2
        return min(now + self._every, early if early > now else self._end + 1)

    def events(self, goes_on: Callable[[], bool]) -> Iterator[Object]:
        """Yields events until the time is over, an event is an error, the resource is gone, or `goes_on` returns False.
        `goes_on` is called after each change and at least twice a second."""
        with self._store.changed:
            if not self._options.version:
                items = self._store.items(self._resource.id)
                self._at = self._store.revision
            else:
                items = []
        for key, value in items:
            if self._options.selected(key, value):
                yield {"type": "ADDED", "object": value}
        while goes_on() and time.monotonic() < self._end:
            try:
                changes = self._wait()
            except Compacted:
                message = f"too old resource version: {self._at} ({self._store.forgotten})"
                yield {"type": "ERROR", "object": expired(message).status()}
                return
            for change in changes:
                self._at = change.revision
                if event := self._event(change):
                    yield event
            if self._options.bookmarks and time.monotonic() >= self._bookmark:
                self._bookmark = self._next_bookmark()
                yield {"type": "BOOKMARK", "object": self._marker()}
            if self._resource.custom and self._resource not in custom_resources(self._store):
                return

    def _wait(self) -> list[Change]:
        """Returns the changes since the last call; none after half a second, when a bookmark is due, or at the end."""
        due = min(self._end, self._bookmark if self._options.bookmarks else self._end)
        with self._store.changed:
            # Fails for a watch that begins at a version from before a compaction.
            changes = self._store.changes(self._resource.id, self._at)
            if not changes:
                self._at = max(self._at, self._store.revision)
                self._store.changed.wait(max(0.0, min(0.5, due - time.monotonic())))
                changes = self._store.changes(self._resource.id, self._at)
            return changes

    def _event(self, change: Change) -> Object | None:
        """Returns the event of a change for a client that sees only selected objects; None when it sees no change. The
        loss of a label can be a deletion."""
        before = change.before is not None and self._options.selected(change.key, change.before)
        after = change.after is not None and self._options.selected(change.key, change.after)
        if after:
            return {"type": "MODIFIED" if before else "ADDED", "object": change.after}
        if before:
            assert change.before is not None
            return {"type": "DELETED", "object": with_version(change.before, change.revision)}
        return None

    def _marker(self) -> Object:
        marker: Object = {"kind": self._resource.kind, "apiVersion": self._resource.api_version}
        marker["metadata"] = {"resourceVersion": str(self._at)}
        if self._resource.id == "pods":
            # The object is an empty pod, nulls included.
            marker["metadata"]["creationTimestamp"] = None
            marker |= {"spec": {"containers": None}, "status": {}}
        return marker
