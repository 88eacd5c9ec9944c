import EPPTracing
import FoundationEssentials
import Tracing

/// The body of an export request: OTLP 1.x, `ExportTraceServiceRequest` in JSON. Numbers of traces and spans are hexadecimal, 64-bit
/// integers are strings, enumerations are numbers (OTLP specification, "JSON Protobuf Encoding").
struct OTLPTraces: Encodable {
  private let resourceSpans: [ResourceSpans]

  /// - Parameters:
  ///   - spans: what is exported.
  ///   - resource: what is said of the process, in this order.
  ///   - scope: the name and the version of the program.
  init(_ spans: [SpanRecord], resource: [TraceSettings.Attribute], scope: (name: String, version: String)) {
    resourceSpans = [
      ResourceSpans(
        resource: Resource(attributes: resource.map { KeyValue(key: $0.key, value: Value(stringValue: $0.value)) }),
        scopeSpans: [
          ScopeSpans(scope: Scope(name: scope.name, version: scope.version), spans: spans.map { Span($0) })
        ])
    ]
  }

  /// The document on one line.
  func bytes() -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    // Numbers that JSON does not have are encoded as texts, so nothing here can fail.
    return (try? encoder.encode(self)).map(Array.init) ?? []
  }

  private struct ResourceSpans: Encodable {
    let resource: Resource
    let scopeSpans: [ScopeSpans]
  }

  private struct Resource: Encodable {
    let attributes: [KeyValue]
  }

  private struct ScopeSpans: Encodable {
    let scope: Scope
    let spans: [Span]
  }

  private struct Scope: Encodable {
    let name: String
    let version: String
  }

  private struct Span: Encodable {
    let traceId: String
    let spanId: String
    let traceState: String?
    let parentSpanId: String?
    let flags: UInt32
    let name: String
    let kind: Int
    let startTimeUnixNano: String
    let endTimeUnixNano: String
    let attributes: [KeyValue]
    let events: [Event]?
    let links: [Link]?
    let status: Status?

    init(_ span: SpanRecord) {
      traceId = span.context.traceID.text
      spanId = span.context.spanText
      traceState = span.context.state.isEmpty ? nil : span.context.state
      parentSpanId = span.parentID.map(TraceContext.text(ofSpan:))
      // The flags of W3C, and two of OTLP's own: whether it is known that the parent is remote, and whether it is.
      flags = (span.context.isSampled ? 1 : 0) | 0x100 | (span.isParentRemote && span.parentID != nil ? 0x200 : 0)
      name = span.name
      kind =
        switch span.kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
      startTimeUnixNano = String(span.start)
      endTimeUnixNano = String(span.end)
      attributes = KeyValue.list(span.attributes)
      events = span.events.isEmpty ? nil : span.events.map(Event.init)
      links = span.links.isEmpty ? nil : span.links.map(Link.init)
      status = span.status.map(Status.init)
    }
  }

  private struct Event: Encodable {
    let timeUnixNano: String
    let name: String
    let attributes: [KeyValue]

    init(_ event: SpanEvent) {
      timeUnixNano = String(event.nanosecondsSinceEpoch)
      name = event.name
      attributes = KeyValue.list(event.attributes)
    }
  }

  private struct Link: Encodable {
    let traceId: String
    let spanId: String

    init(_ context: TraceContext) {
      traceId = context.traceID.text
      spanId = context.spanText
    }
  }

  private struct Status: Encodable {
    let code: Int
    let message: String?

    init(_ status: SpanStatus) {
      code =
        switch status.code {
        case .ok: 1
        case .error: 2
        }
      message = status.message
    }
  }

  private struct KeyValue: Encodable {
    let key: String
    let value: Value

    /// The attributes by key.
    static func list(_ attributes: SpanAttributes) -> [KeyValue] {
      var list: [KeyValue] = []
      attributes.forEach { list.append(KeyValue(key: $0, value: Value($1))) }
      return list.sorted { $0.key < $1.key }
    }
  }

  /// One of the members is there.
  private struct Value: Encodable {
    var stringValue: String?
    var boolValue: Bool?
    var intValue: String?
    var doubleValue: Double?
    var arrayValue: List?

    struct List: Encodable {
      let values: [Value]
    }

    init(stringValue: String) { self.stringValue = stringValue }

    init(_ attribute: SpanAttribute) {
      switch attribute {
      case .int32(let value): intValue = String(value)
      case .int64(let value): intValue = String(value)
      case .double(let value): (doubleValue, stringValue) = Self.number(value)
      case .bool(let value): boolValue = value
      case .string(let value): stringValue = value
      case .stringConvertible(let value): stringValue = "\(value)"
      case .int32Array(let values): arrayValue = List(values: values.map { Value(.int32($0)) })
      case .int64Array(let values): arrayValue = List(values: values.map { Value(.int64($0)) })
      case .doubleArray(let values): arrayValue = List(values: values.map { Value(.double($0)) })
      case .boolArray(let values): arrayValue = List(values: values.map { Value(.bool($0)) })
      case .stringArray(let values): arrayValue = List(values: values.map { Value(stringValue: $0) })
      case .stringConvertibleArray(let values): arrayValue = List(values: values.map { Value(stringValue: "\($0)") })
      default: stringValue = "\(attribute)"
      }
    }

    private static func number(_ value: Double) -> (Double?, String?) {
      value.isFinite ? (value, nil) : (nil, "\(value)")
    }
  }
}
