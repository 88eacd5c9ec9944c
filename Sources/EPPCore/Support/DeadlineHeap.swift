/// Whoever waits for something until a time. Has one deadline at most.
package protocol DeadlineOwner: AnyObject {
  /// Where the deadline stands in the heap; nil while there is none. Belongs to the heap.
  var deadlinePosition: Int? { get set }
  /// The time has come. The owner has no deadline any more.
  func deadlinePassed()
}

/// The deadlines of one thread, the earliest first. One that is later than all others is added in one step, which is what requests do
/// that wait for equally long; the others take as many steps as their number has binary digits.
///
/// Keeps its owners alive.
package struct DeadlineHeap {
  private struct Entry {
    var time: MonotonicTime
    var owner: any DeadlineOwner
  }

  private var entries: [Entry] = []

  package init() {}

  /// The earliest deadline.
  package var next: MonotonicTime? { entries.isEmpty ? nil : entries[0].time }

  /// Gives an owner a deadline, in the place of the one that it has.
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

  /// Takes the deadline of an owner out; does nothing when it has none.
  package mutating func remove(_ owner: any DeadlineOwner) {
    guard let position = owner.deadlinePosition else { return }
    owner.deadlinePosition = nil
    let last = entries.removeLast()
    guard last.owner !== owner else { return }
    put(last, at: position)
    rise(from: position)
    sink(from: last.owner.deadlinePosition ?? position)
  }

  /// Takes the earliest deadline out if its time has come.
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
