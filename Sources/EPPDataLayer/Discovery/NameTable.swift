/// Looks up names in raw bytes. All names are in one array, so that comparing does no reference counting.
struct NameTable<Meaning: Sendable>: Sendable {
  private struct Entry {
    var start: Int
    var count: Int
    var meaning: Meaning
  }

  private var bytes: [UInt8] = []
  private var entries: [Entry] = []

  init(_ names: [(String, Meaning)]) {
    for (name, meaning) in names {
      entries.append(Entry(start: bytes.count, count: name.utf8.count, meaning: meaning))
      bytes += name.utf8
    }
  }

  /// Returns the meaning of the name that fills a range; nil when no name is equal to the whole range
  /// (`vllm:num_requests_waiting_by_reason` is not `vllm:num_requests_waiting`).
  func meaning(of text: RawSpan, _ range: Range<Int>) -> Meaning? {
    next: for entry in entries where entry.count == range.count {
      // From the end: names of one length differ there.
      var offset = entry.count - 1
      while offset >= 0 {
        guard bytes[entry.start &+ offset] == text.byte(at: range.lowerBound &+ offset) else { continue next }
        offset &-= 1
      }
      return entry.meaning
    }
    return nil
  }
}
