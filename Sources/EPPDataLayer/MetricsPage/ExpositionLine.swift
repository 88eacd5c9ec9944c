import EPPCore

/// A value that a label of a series has to have.
struct LabelCondition {
  let name: [UInt8]
  /// The value as it is written, with its escapes.
  let value: [UInt8]
  /// Whether series without the label are right, too.
  let mayBeAbsent: Bool

  init(_ name: String, _ value: String, mayBeAbsent: Bool) {
    self.name = Array(name.utf8)
    self.value = Array(MetricSpec.escaped(value).utf8)
    self.mayBeAbsent = mayBeAbsent
  }
}

/// One sample line of the Prometheus text format: `name{label="value",...} number timestamp`.
///
/// Holds offsets into the line's bytes and copies nothing.
struct ExpositionLine {
  /// The bytes between the braces; empty when there are no braces.
  var labels: Range<Int>
  /// The sample's value; may be infinite or NaN.
  var value: Double
  /// The timestamp as written: milliseconds, or seconds in OpenMetrics. Compare it only with timestamps of the same page.
  var timestamp: Double?

  /// Reads the part of a line after the name, from `nameEnd` to `end`; nil when it is not a sample.
  init?(_ bytes: RawSpan, from nameEnd: Int, to end: Int) {
    var offset = nameEnd
    labels = nameEnd..<nameEnd
    if offset < end, bytes.byte(at: offset) == UInt8(ascii: "{") {
      guard let close = Self.closingBrace(bytes, from: offset + 1, to: end) else { return nil }
      labels = offset + 1..<close
      offset = close + 1
    }
    guard let valueToken = Self.token(bytes, &offset, end), let number = ExpositionNumber.parse(bytes, valueToken)
    else { return nil }
    value = number
    timestamp = nil
    if let token = Self.token(bytes, &offset, end) {
      timestamp = ExpositionNumber.parse(bytes, token).flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// Whether the labels of the series fulfil all conditions.
  func fulfils(_ conditions: [LabelCondition], _ bytes: RawSpan) -> Bool {
    if conditions.isEmpty { return true }
    var unmet = conditions.count { !$0.mayBeAbsent }
    var isOther = false
    Self.forEachLabel(bytes, in: labels) { name, value in
      for condition in conditions where bytes.isEqual(name, condition.name) {
        if !bytes.isEqual(value, condition.value) { isOther = true } else if !condition.mayBeAbsent { unmet -= 1 }
      }
    }
    return unmet <= 0 && !isOther
  }

  /// Returns a hash of the labels as written. It depends on their order, which an engine keeps for a series.
  func labelHash(_ bytes: RawSpan) -> UInt64 { Self.hash(bytes, labels) }

  private static func hash(_ bytes: RawSpan, _ labels: Range<Int>) -> UInt64 {
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
    var offset = labels.lowerBound
    while offset + 8 <= labels.upperBound {
      hash = (hash ^ bytes.word(at: offset)) &* 0xD6E8_FEB8_6659_FD93
      hash ^= hash >> 32
      offset += 8
    }
    while offset < labels.upperBound {
      hash = (hash ^ UInt64(bytes.byte(at: offset))) &* 0x0000_0100_0000_01B3
      offset += 1
    }
    return hash
  }

  /// Labels that number the tensor, pipeline and expert parallel ranks of one engine. Such ranks work on the same requests, and
  /// each reports the counts of all. Data-parallel ranks (`dp_rank`, vLLM's `engine`) count as separate engines.
  private static let labelsOfCopies = NameTable([
    ("tp_rank", true), ("pp_rank", true), ("attn_tp_rank", true), ("moe_ep_rank", true),
  ])

  /// Returns a hash of the labels without those in `labelsOfCopies`, independent of their order: equal for all ranks of one
  /// engine.
  func engineHash(_ bytes: RawSpan) -> UInt64 {
    var hash: UInt64 = 0
    Self.forEachLabel(bytes, in: labels) { name, value in
      if Self.labelsOfCopies.meaning(of: bytes, name) == nil {
        hash &+= Self.hash(bytes, name.lowerBound..<value.upperBound)
      }
    }
    return hash
  }

  /// Calls `body` with the ranges of the name and of the escaped value of each label. Stops at the first malformed label.
  static func forEachLabel(_ bytes: RawSpan, in labels: Range<Int>, _ body: (Range<Int>, Range<Int>) -> Void) {
    var offset = labels.lowerBound
    while offset < labels.upperBound {
      while offset < labels.upperBound, isBlank(bytes.byte(at: offset)) || bytes.byte(at: offset) == UInt8(ascii: ",") {
        offset += 1
      }
      let nameStart = offset
      while offset < labels.upperBound, bytes.byte(at: offset) != UInt8(ascii: "=") { offset += 1 }
      var nameEnd = offset
      while nameEnd > nameStart, isBlank(bytes.byte(at: nameEnd - 1)) { nameEnd -= 1 }
      offset += 1
      while offset < labels.upperBound, isBlank(bytes.byte(at: offset)) { offset += 1 }
      guard offset < labels.upperBound, bytes.byte(at: offset) == UInt8(ascii: "\""),
        let quote = closingQuote(bytes, from: offset + 1, to: labels.upperBound)
      else { return }
      body(nameStart..<nameEnd, offset + 1..<quote)
      offset = quote + 1
    }
  }

  /// Returns the text of a label value with the escapes `\\`, `\"` and `\n` decoded.
  static func text(_ bytes: RawSpan, in value: Range<Int>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(value.count)
    var offset = value.lowerBound
    while offset < value.upperBound {
      var byte = bytes.byte(at: offset)
      if byte == UInt8(ascii: "\\"), offset + 1 < value.upperBound {
        offset += 1
        byte = bytes.byte(at: offset)
        if byte == UInt8(ascii: "n") { byte = 0x0A }
      }
      text.append(byte)
      offset += 1
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func closingBrace(_ bytes: RawSpan, from start: Int, to end: Int) -> Int? {
    var offset = start
    while offset < end {
      switch bytes.byte(at: offset) {
      case UInt8(ascii: "}"): return offset
      case UInt8(ascii: "\""):
        guard let quote = closingQuote(bytes, from: offset + 1, to: end) else { return nil }
        offset = quote
      default: break
      }
      offset += 1
    }
    return nil
  }

  private static func closingQuote(_ bytes: RawSpan, from start: Int, to end: Int) -> Int? {
    var offset = start
    while offset < end {
      let byte = bytes.byte(at: offset)
      if byte == UInt8(ascii: "\"") { return offset }
      offset += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    return nil
  }

  private static func token(_ bytes: RawSpan, _ offset: inout Int, _ end: Int) -> Range<Int>? {
    while offset < end, isBlank(bytes.byte(at: offset)) { offset += 1 }
    let start = offset
    while offset < end, !isBlank(bytes.byte(at: offset)) { offset += 1 }
    return start < offset ? start..<offset : nil
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
  }
}
