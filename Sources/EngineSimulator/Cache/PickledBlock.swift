/// Serialises blocks as Python's pickle does, protocol 5: `(parent, (token, ...), None or ((key, ...), ...))`.
///
/// Pickle writes a reference in place of an object that it has written before. No references are needed here: the strings of a
/// block are distinct objects, and pickle writes integers without references.
enum PickledBlock {
  /// Opcodes of pickle.
  private enum Operation {
    static let memoize: UInt8 = 0x94
    static let mark: UInt8 = 0x28
    static let tuple: UInt8 = 0x74
    /// A tuple of one element; the next two opcodes are tuples of two and three.
    static let tuple1: UInt8 = 0x85
    static let none: UInt8 = 0x4E
    static let stop: UInt8 = 0x2E
    static let shortBytes: UInt8 = 0x43
    static let shortText: UInt8 = 0x8C
    static let text: UInt8 = 0x58
    static let int1: UInt8 = 0x4B
    static let int2: UInt8 = 0x4D
    static let int4: UInt8 = 0x4A
    static let long: UInt8 = 0x8A
  }

  /// The opcodes PROTO 5 and FRAME, which precede the frame's length.
  private static let head: [UInt8] = [0x80, 0x05, 0x95]

  /// Appends a block.
  static func append(
    parent: [UInt8], tokens: ArraySlice<UInt32>, keys: [CacheNamespace.Key], to output: inout [UInt8]
  ) {
    var frame: [UInt8] = [Operation.shortBytes, UInt8(truncatingIfNeeded: parent.count)]
    frame.reserveCapacity(64 + 5 * tokens.count)
    frame += parent
    frame.append(Operation.memoize)
    if tokens.count > 3 { frame.append(Operation.mark) }
    for token in tokens { append(token, to: &frame) }
    endTuple(of: tokens.count, in: &frame)
    if keys.isEmpty {
      frame.append(Operation.none)
    } else {
      for key in keys {
        let parts = key.hashed
        for part in parts { append(text: part, to: &frame) }
        endTuple(of: parts.count, in: &frame)
      }
      endTuple(of: keys.count, in: &frame)
    }
    endTuple(of: 3, in: &frame)
    finish(frame, to: &output)
  }

  /// Appends a pickled string.
  static func append(string: String, to output: inout [UInt8]) {
    var frame: [UInt8] = []
    append(text: string, to: &frame)
    finish(frame, to: &output)
  }

  private static func append(_ token: UInt32, to frame: inout [UInt8]) {
    let count: Int
    switch token {
    case 0..<0x100:
      frame.append(Operation.int1)
      count = 1
    case ..<0x1_0000:
      frame.append(Operation.int2)
      count = 2
    case ..<0x8000_0000:
      frame.append(Operation.int4)
      count = 4
    default:
      // A signed number of five bytes, for the fourth one's highest bit is its sign.
      frame += [Operation.long, 5]
      count = 5
    }
    append(UInt64(token), bytes: count, to: &frame)
  }

  private static func append(text: String, to frame: inout [UInt8]) {
    let count = text.utf8.count
    frame.append(count < 0x100 ? Operation.shortText : Operation.text)
    append(UInt64(count), bytes: count < 0x100 ? 1 : 4, to: &frame)
    frame += Array(text.utf8)
    frame.append(Operation.memoize)
  }

  /// Appends a number, least significant byte first.
  private static func append(_ number: UInt64, bytes: Int, to output: inout [UInt8]) {
    for index in 0..<bytes { output.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))) }
  }

  private static func endTuple(of count: Int, in frame: inout [UInt8]) {
    frame.append(count > 3 ? Operation.tuple : Operation.tuple1 + UInt8(count - 1))
    frame.append(Operation.memoize)
  }

  private static func finish(_ frame: [UInt8], to output: inout [UInt8]) {
    output += head
    append(UInt64(frame.count + 1), bytes: 8, to: &output)
    output += frame
    output.append(Operation.stop)
  }
}
