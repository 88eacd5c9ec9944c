/// The forms of Python's pickle, protocol 5, that go into a block's hash.
enum Pickle {
  private enum Operation {
    static let memoize: UInt8 = 0x94
    static let mark: UInt8 = 0x28
    static let tuple: UInt8 = 0x74
    static let tuple3: UInt8 = 0x87
    static let none: UInt8 = 0x4E
    static let stop: UInt8 = 0x2E
    static let shortBytes: UInt8 = 0x43
    static let shortText: UInt8 = 0x8C
    static let one: UInt8 = 0x4B
    static let two: UInt8 = 0x4D
    static let four: UInt8 = 0x4A
  }

  /// Appends a string, from which the hash of a missing parent is made.
  static func appendSeed(_ seed: String, to output: inout [UInt8]) {
    var frame: [UInt8] = [Operation.shortText, UInt8(truncatingIfNeeded: seed.utf8.count)]
    frame += Array(seed.utf8)
    frame += [Operation.memoize, Operation.stop]
    append(frame: frame, to: &output)
  }

  /// Appends `(parent, (token, ...), None)`.
  static func appendBlock(
    _ parent: [UInt8], _ tokens: some RandomAccessCollection<UInt32>, to output: inout [UInt8]
  ) {
    var frame: [UInt8] = [Operation.shortBytes, UInt8(truncatingIfNeeded: parent.count)]
    frame += parent
    frame += [Operation.memoize, Operation.mark]
    for token in tokens {
      switch token {
      case 0..<0x100: frame += [Operation.one, UInt8(token)]
      case 0x100..<0x1_0000:
        frame += [Operation.two, UInt8(truncatingIfNeeded: token), UInt8(truncatingIfNeeded: token >> 8)]
      default:
        frame.append(Operation.four)
        for shift: UInt32 in [0, 8, 16, 24] { frame.append(UInt8(truncatingIfNeeded: token >> shift)) }
      }
    }
    frame += [Operation.tuple, Operation.memoize, Operation.none, Operation.tuple3, Operation.memoize, Operation.stop]
    append(frame: frame, to: &output)
  }

  /// Appends PROTO 5, then FRAME with the frame's length, then the frame.
  private static func append(frame: [UInt8], to output: inout [UInt8]) {
    output += [0x80, 0x05, 0x95]
    for shift in stride(from: 0, to: 64, by: 8) { output.append(UInt8(truncatingIfNeeded: frame.count >> shift)) }
    output += frame
  }
}
