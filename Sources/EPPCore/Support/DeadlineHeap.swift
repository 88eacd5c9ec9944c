/// An object with at most one deadline in a `DeadlineHeap`.
package protocol DeadlineOwner: AnyObject {
  /// The deadline's position in the heap; nil when there is none. Written by the heap only.
  var deadlinePosition: Int? { get set }
  /// Called when the deadline has passed and has been removed from the heap.
  func deadlinePassed()
}

/// A binary heap of the deadlines of one thread, the earliest first. Adding a deadline that is later than all others, as
/// requests with equal timeouts do, takes one step; other changes take O(log n) steps.
///
/// Retains its owners.
package struct DeadlineHeap {
  private struct Entry {
    var time: MonotonicTime
    var owner: any DeadlineOwner
  }

  private var entries: [Entry] = []

  /// An empty heap.
  package init() {}

  /// The earliest deadline; nil when the heap is empty.
  package var next: MonotonicTime? { entries.isEmpty ? nil : entries[0].time }

  /// Sets the deadline of an owner and replaces its previous one.
  package mutating func set(_ time: MonotonicTime, for owner: any DeadlineOwner) {
    guard let position = owner.deadlinePosition else {
      entries.append(Entry(time: time, owner: owner))
      owner.deadlinePosition = entries.count - 1
      rise(from: entries.count - 1)
      return
    }
    entries[position].time = time
    rise(from: position)
    sink(from: owner.deadlinePosition ?? position)
  }

  /// Removes the deadline of an owner; does nothing when it has none.
  package mutating func remove(_ owner: any DeadlineOwner) {
    guard let position = owner.deadlinePosition else { return }
    owner.deadlinePosition = nil
    let last = entries.removeLast()
    guard last.owner !== owner else { return }
    put(last, at: position)
    rise(from: position)
    sink(from: last.owner.deadlinePosition ?? position)
  }

  /// Removes the earliest deadline if it is not later than `now`, and returns its owner; else nil.
  package mutating func takeDue(now: MonotonicTime) -> (any DeadlineOwner)? {
    guard !entries.isEmpty, entries[0].time <= now else { return nil }
    let owner = entries[0].owner
    remove(owner)
    return owner
  }

  private mutating func put(_ entry: Entry, at position: Int) {
    entries[position] = entry
    entry.owner.deadlinePosition = position
  }

  private mutating func rise(from start: Int) {
    guard start > 0, entries[start].time < entries[(start - 1) / 2].time else { return }
    var position = start
    let entry = entries[position]
    while position > 0 {
      let parent = (position - 1) / 2
      guard entry.time < entries[parent].time else { break }
      put(entries[parent], at: position)
      position = parent
    }
    put(entry, at: position)
  }

  private mutating func sink(from start: Int) {
    var position = start
    let entry = entries[position]
    while true {
      var child = 2 * position + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1].time < entries[child].time { child += 1 }
      guard entries[child].time < entry.time else { break }
      put(entries[child], at: position)
      position = child
    }
    if position != start { put(entry, at: position) }
  }
}
