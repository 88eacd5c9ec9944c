/// The streams of one worker that wait for their decision, in the order of their deadlines.
///
/// All deadlines are the same time after a stream's first message, so the order of arrival is the order of deadlines: a
/// list takes and gives up an entry in constant time, where a heap would not. One thread only.
struct DeadlineList {
  /// A stream's place in the list.
  final class Entry {
    let deadline: UInt64
    unowned let stream: ExtProcStream
    fileprivate var next: Entry?
    fileprivate weak var previous: Entry?
    fileprivate var isListed = false

    init(deadline: UInt64, stream: ExtProcStream) {
      self.deadline = deadline
      self.stream = stream
    }
  }

  private(set) var first: Entry?
  private var last: Entry?

  /// Adds an entry whose deadline is not before any other's.
  mutating func append(_ entry: Entry) {
    entry.isListed = true
    entry.previous = last
    last?.next = entry
    last = entry
    if first == nil { first = entry }
  }

  /// Takes an entry out, wherever it is; does nothing when it is not listed.
  mutating func remove(_ entry: Entry) {
    guard entry.isListed else { return }
    entry.isListed = false
    let previous = entry.previous
    let next = entry.next
    if let previous { previous.next = next } else { first = next }
    if let next { next.previous = previous } else { last = previous }
    entry.next = nil
    entry.previous = nil
  }
}
