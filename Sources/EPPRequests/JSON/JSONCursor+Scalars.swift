/// Numbers, booleans and null.
extension JSONCursor {
  /// Reads a number: its text is checked, and its value is made when it is a whole one.
  @inline(__always)
  package mutating func readNumber(_ bytes: RawSpan) throws(JSONError) -> JSONNumber {
    skipWhiteSpace(bytes)
    let start = offset
    if offset < end, byte(bytes, offset) == UInt8(ascii: "-") { offset += 1 }
    let firstDigit = offset
    var value: UInt64 = 0
    while offset < end {
      let digit = byte(bytes, offset) &- 0x30
      guard digit <= 9 else { break }
      value = value &* 10 &+ UInt64(digit)
      offset &+= 1
    }
    let digits = offset - firstDigit
    guard digits > 0 else { throw error(offset < end ? .invalidNumber : .unexpectedEnd) }
    if digits > 1, byte(bytes, firstDigit) == 0x30 { throw error(.invalidNumber) }
    // 19 digits always fit into 64 bits.
    var isWhole = digits <= 19 && firstDigit == start
    if offset < end {
      let next = byte(bytes, offset)
      if next == UInt8(ascii: ".") || next | 0x20 == UInt8(ascii: "e") {
        isWhole = false
        try skipFraction(bytes)
      }
    }
    return JSONNumber(range: start..<offset, integer: isWhole ? value : nil)
  }

  /// Behind a number in an array: reads on through `,digits` without white space as long as the numbers are at most
  /// `UInt32.max`, the form in which clients send token ids. What is of any other form is left to be read in the usual
  /// way.
  mutating func readFurtherIntegers(_ bytes: RawSpan, into numbers: inout [UInt32]) {
    while offset < end, byte(bytes, offset) == UInt8(ascii: ",") {
      let start = offset &+ 1
      var next = start
      var value: UInt64 = 0
      // No more than 10 digits, so nothing can overflow.
      while next < end, next &- start <= 10 {
        let digit = byte(bytes, next) &- 0x30
        guard digit <= 9 else { break }
        value = value &* 10 &+ UInt64(digit)
        next &+= 1
      }
      let digits = next &- start
      guard digits > 0, digits <= 10, value <= UInt64(UInt32.max), digits == 1 || byte(bytes, start) != 0x30,
        next < end, byte(bytes, next) == UInt8(ascii: ",") || byte(bytes, next) == UInt8(ascii: "]")
      else { return }
      numbers.append(UInt32(truncatingIfNeeded: value))
      offset = next
    }
  }

  private mutating func skipFraction(_ bytes: RawSpan) throws(JSONError) {
    if byte(bytes, offset) == UInt8(ascii: ".") {
      offset += 1
      try skipDigits(bytes)
    }
    guard offset < end, byte(bytes, offset) | 0x20 == UInt8(ascii: "e") else { return }
    offset += 1
    if offset < end, byte(bytes, offset) == UInt8(ascii: "+") || byte(bytes, offset) == UInt8(ascii: "-") {
      offset += 1
    }
    try skipDigits(bytes)
  }

  private mutating func skipDigits(_ bytes: RawSpan) throws(JSONError) {
    let start = offset
    while offset < end, byte(bytes, offset) &- 0x30 <= 9 { offset += 1 }
    guard offset > start else { throw error(offset < end ? .invalidNumber : .unexpectedEnd) }
  }

  /// Reads `true` or `false`.
  package mutating func readBoolean(_ bytes: RawSpan) throws(JSONError) -> Bool {
    skipWhiteSpace(bytes)
    if offset < end, byte(bytes, offset) == UInt8(ascii: "t") {
      try skipWord(bytes, 0x6575_7274)
      return true
    }
    try expect(bytes, UInt8(ascii: "f"))
    try skipWord(bytes, 0x6573_6C61)
    return false
  }

  /// Reads `null`.
  package mutating func readNull(_ bytes: RawSpan) throws(JSONError) {
    skipWhiteSpace(bytes)
    try skipWord(bytes, 0x6C6C_756E)
  }

  /// Four letters, the first one lowest.
  private mutating func skipWord(_ bytes: RawSpan, _ letters: UInt32) throws(JSONError) {
    guard offset + 4 <= end else { throw error(.unexpectedEnd) }
    guard ByteWord.loadHalf(bytes, offset) == letters else { throw error(.unexpectedByte) }
    offset += 4
  }
}
