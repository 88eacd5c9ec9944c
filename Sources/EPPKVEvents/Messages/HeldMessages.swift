/// Messages that wait for the end of a replay, oldest first.
struct HeldMessages {
  private struct Entry {
    var number: UInt64
    var payload: [UInt8]
  }

  private var entries: [Entry] = []
  /// The index of the first entry that has not been taken.
  private var first = 0
  /// The size of all waiting messages in bytes.
  private(set) var bytes = 0

  /// The number of waiting messages.
  var count: Int { entries.count - first }

  /// Adds a copy of a message.
  mutating func append(_ payload: RawSpan, number: UInt64) {
    bytes += payload.byteCount
    unsafe entries.append(Entry(number: number, payload: payload.withUnsafeBytes { bytes in unsafe Array(bytes) }))
  }

  /// Removes and returns a message, and drops all older ones; nil when there is none with this number.
  mutating func take(_ number: UInt64) -> [UInt8]? {
    while first < entries.count, entries[first].number <= number {
      let entry = entries[first]
      entries[first].payload = []
      first += 1
      bytes -= entry.payload.count
      if entry.number == number { return entry.payload }
    }
    return nil
  }

  mutating func removeAll() { self = HeldMessages() }
}
