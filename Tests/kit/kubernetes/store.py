"""Objects by revision, as in etcd: each change has a revision, and older states can be read until a compaction."""

import threading
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
# Namespace ("" for a cluster-scoped object) and name.
Key = tuple[str, str]


class Compacted(Exception):
    """The requested state or changes have been removed by a compaction or a restart."""


@dataclass(frozen=True)
class Change:
    """One write. A creation has no `before`, a deletion no `after`."""

    revision: int
    key: Key
    before: Object | None
    after: Object | None


class Store:
    """Stored objects are never modified: a change replaces them. The condition `changed` guards all state, is notified
    of each write, and can be held to read and write in one step. States before the revision `compacted` and changes
    before the revision `forgotten` cannot be read; `forgotten` is at least `compacted`."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.revision = 1
        self.compacted = 0
        self.forgotten = 0
        self._objects: dict[str, dict[Key, Object]] = {}
        self._changes: dict[str, list[Change]] = {}

    def get(self, resource: str, key: Key) -> Object | None:
        with self.changed:
            return self._objects.get(resource, {}).get(key)

    def items(self, resource: str, revision: int | None = None) -> list[tuple[Key, Object]]:
        """Returns all objects in the order of their keys, as of `revision`; raises `Compacted`."""
        with self.changed:
            objects = dict(self._objects.get(resource, {}))
            if revision is not None:
                if revision < self.compacted:
                    raise Compacted
                for change in reversed(self._after(resource, revision)):
                    if change.before is None:
                        del objects[change.key]
                    else:
                        objects[change.key] = change.before
            return sorted(objects.items(), key=lambda item: item[0])

    def changes(self, resource: str, after: int) -> list[Change]:
        """Returns the changes with a revision above `after`, oldest first; raises `Compacted`."""
        with self.changed:
            if after < self.forgotten:
                raise Compacted
            return self._after(resource, after)

    def _after(self, resource: str, revision: int) -> list[Change]:
        changes = self._changes.get(resource, [])
        return changes[bisect_right(changes, revision, key=lambda change: change.revision) :]

    def write(self, resource: str, key: Key, value: Object | None) -> Object:
        """Stores `value`, or removes the object when it is None. Returns the object with its new resourceVersion."""
        with self.changed:
            self.revision += 1
            objects = self._objects.setdefault(resource, {})
            before = objects.get(key)
            final = value if value is not None else before
            assert final is not None, f"{resource} {key} is not there"
            final = with_version(final, self.revision)
            if value is None:
                del objects[key]
            else:
                objects[key] = final
            change = Change(self.revision, key, before, None if value is None else final)
            self._changes.setdefault(resource, []).append(change)
            self.changed.notify_all()
            return final

    def compact(self) -> None:
        """Removes all older states and all changes so far."""
        with self.changed:
            self.compacted = self.forgotten = self.revision
            self._changes.clear()
            self.changed.notify_all()

    def forget_changes(self) -> None:
        """Makes all changes so far unreadable; older states can still be read."""
        with self.changed:
            self.forgotten = self.revision


def with_version(value: Object, revision: int) -> Object:
    """Returns a copy of `value` with another resourceVersion, which shares everything else."""
    return value | {"metadata": value["metadata"] | {"resourceVersion": str(revision)}}
