/// The identity of a span as it is passed from process to process: the header `traceparent` of W3C Trace Context.
package struct TraceContext: Hashable, Sendable {
  /// The number of a trace, never 0.
  package struct TraceID: Hashable, Sendable {
    /// The first eight bytes.
    package let high: UInt64
    /// The last eight bytes.
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
      self.high = high
      self.low = low
    }

    /// Draws a number.
    static func random() -> TraceID { TraceID(high: .random(in: 0...UInt64.max), low: .random(in: 1...UInt64.max)) }

    /// 32 hexadecimal digits.
    package var text: String { TraceContext.hexadecimal(high) + TraceContext.hexadecimal(low) }
  }

  /// The number of the trace.
  package let traceID: TraceID
  /// The number of the span, never 0.
  package let spanID: UInt64
  /// Whether the trace is recorded.
  package let isSampled: Bool
  /// The header `tracestate`: what vendors pass on with the trace; empty for nothing.
  package let state: String

  package init(traceID: TraceID, spanID: UInt64, isSampled: Bool, state: String = "") {
    self.traceID = traceID
    self.spanID = spanID
    self.isSampled = isSampled
    self.state = state
  }

  /// Reads the headers of a message; nil when they name no trace.
  ///
  /// - Parameter header: The value of the header with a lower-case name; nil for none.
  package init?(header: (_ name: String) -> String?) {
    guard let parent = header(Self.parentHeader) else { return nil }
    self.init(parent: parent, state: header(Self.stateHeader) ?? "")
  }

  /// Reads the values of the headers (W3C Trace Context, section 3.2.2); nil when `parent` is malformed. A version that is not
  /// known is read as version 00 as far as that goes.
  package init?(parent: String, state: String = "") {
    let bytes = Array(parent.utf8)
    guard bytes.count >= Self.parentLength, bytes[2] == Self.dash, bytes[35] == Self.dash, bytes[52] == Self.dash,
      let version = Self.number(bytes[0..<2]), version != 0xFF,
      bytes.count == Self.parentLength || (version > 0 && bytes[Self.parentLength] == Self.dash),
      let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]), high != 0 || low != 0,
      let span = Self.number(bytes[36..<52]), span != 0, let flags = Self.number(bytes[53..<55])
    else { return nil }
    // Longer values may be cut anywhere by who passes them on, and nothing here reads them.
    self.init(
      traceID: TraceID(high: high, low: low), spanID: span, isSampled: flags & 1 == 1,
      state: state.utf8.count <= Self.maximumStateLength ? state : "")
  }

  /// Name of the header with trace, span and flags.
  package static let parentHeader = "traceparent"
  /// Name of the header with what vendors pass on.
  package static let stateHeader = "tracestate"

  /// The value of the header `traceparent`.
  package var parent: String { "00-\(traceID.text)-\(spanText)-0\(isSampled ? 1 : 0)" }

  /// The number of the span as 16 hexadecimal digits.
  package var spanText: String { Self.text(ofSpan: spanID) }

  /// The number of a span as 16 hexadecimal digits.
  package static func text(ofSpan id: UInt64) -> String { hexadecimal(id) }

  /// The context of a new span under this one.
  func child() -> TraceContext {
    TraceContext(traceID: traceID, spanID: .random(in: 1...UInt64.max), isSampled: isSampled, state: state)
  }

  private static let parentLength = 55
  private static let dash = UInt8(ascii: "-")
  /// What has to be passed on at least (section 3.3.1.5).
  private static let maximumStateLength = 512

  /// Reads hexadecimal digits, which have to be lower case.
  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for digit in digits {
      switch digit {
      case 0x30...0x39: value = value << 4 | UInt64(digit - 0x30)
      case 0x61...0x66: value = value << 4 | UInt64(digit - 0x57)
      default: return nil
      }
    }
    return value
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}
