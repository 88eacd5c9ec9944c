import EPPCore
import EPPTracing
import FoundationEssentials

extension TraceSettings {
  /// Reads the environment variables. A value that cannot be used is a warning and counts as not given: tracing never stops a start.
  ///
  /// - Parameters:
  ///   - environment: the environment variables of the process.
  ///   - service: the name of the process, unless a variable names another.
  ///   - version: the version of the process.
  /// - Returns: the settings, nil when the variables switch tracing off; and the warnings.
  package static func read(
    _ environment: [String: String], service: String, version: String
  ) -> (settings: TraceSettings?, warnings: [String]) {
    var reader = TraceEnvironment(environment)
    let settings = reader.settings(service: service, version: version)
    return (settings, reader.warnings)
  }
}

/// Reads OpenTelemetry's environment variables (OpenTelemetry specification, "Environment Variable Specification" and "OTLP
/// Exporter"). An empty value counts as not given.
private struct TraceEnvironment {
  private let variables: [String: String]
  private(set) var warnings: [String] = []

  init(_ environment: [String: String]) {
    variables = environment.filter { $0.key.hasPrefix("OTEL_") && !$0.value.isEmpty }
  }

  mutating func settings(service: String, version: String) -> TraceSettings? {
    if variables["OTEL_SDK_DISABLED"]?.lowercased() == "true" { return nil }
    var settings: TraceSettings
    switch variables["OTEL_TRACES_EXPORTER"] ?? "otlp" {
    case "none": return nil
    case "console": settings = TraceSettings(destination: .console)
    case "otlp": settings = TraceSettings(destination: .collector(collector()))
    case let other:
      warn("OTEL_TRACES_EXPORTER", other, "is none of otlp, console and none; spans go to the collector")
      settings = TraceSettings(destination: .collector(collector()))
    }
    settings.sampler = sampler()
    settings.resource = resource(service: service, version: version)
    settings.delay = milliseconds("OTEL_BSP_SCHEDULE_DELAY") ?? settings.delay
    settings.exportTimeout = milliseconds("OTEL_BSP_EXPORT_TIMEOUT") ?? settings.exportTimeout
    settings.capacity = number("OTEL_BSP_MAX_QUEUE_SIZE", 1...Self.mostSpans) ?? settings.capacity
    settings.batch = min(
      settings.capacity, number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1...Self.mostSpans) ?? settings.batch)
    for name in variables["OTEL_PROPAGATORS"]?.split(separator: ",").map({ String($0.trimmed) }) ?? []
    where !["tracecontext", "baggage"].contains(name) {
      warn("OTEL_PROPAGATORS", name, "is not known; the trace is passed on by traceparent (tracecontext) alone")
    }
    return settings
  }

  /// At about 1 KB a span, 100 MB.
  private static let mostSpans = 100_000
  private static let longest = 600_000

  // MARK: - The collector

  private mutating func collector() -> TraceSettings.Collector {
    var collector = TraceSettings.Collector(url: endpoint())
    collector.headers = pairs(transport("HEADERS")).map { TraceSettings.Header(name: $0.key, value: $0.value) }
    collector.timeout =
      milliseconds("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT") ?? milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT")
      ?? collector.timeout
    collector.authorityFile = transport("CERTIFICATE")?.value
    collector.certificateFile = transport("CLIENT_CERTIFICATE")?.value
    collector.keyFile = transport("CLIENT_KEY")?.value
    if let compression = transport("COMPRESSION"), compression.value != "none" {
      warn(compression.name, compression.value, "has no effect: spans are sent uncompressed")
    }
    return collector
  }

  /// A variable of the exporter: that for traces, else that for all signals.
  private func transport(_ suffix: String) -> (name: String, value: String)? {
    for name in ["OTEL_EXPORTER_OTLP_TRACES_\(suffix)", "OTEL_EXPORTER_OTLP_\(suffix)"] {
      if let value = variables[name] { return (name, value) }
    }
    return nil
  }

  private static let standardHTTP = "http://localhost:4318/v1/traces"
  private static let path = "/v1/traces"
  private static let portOfGRPC = 4317
  private static let portOfHTTP = 4318

  /// Where spans are sent.
  private mutating func endpoint() -> String {
    let asksForGRPC = asksForGRPC()
    guard let (name, value) = transport("ENDPOINT") else {
      if asksForGRPC == true { warnOfGRPC("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", Self.standardHTTP) }
      return Self.standardHTTP
    }
    // Without a scheme, as the gRPC exporters take it too.
    guard let url = URL(string: value.contains("://") ? value : "http://\(value)"),
      let scheme = url.scheme?.lowercased(),
      let host = url.host, !host.isEmpty, ["http", "https", "grpc", "grpcs"].contains(scheme)
    else {
      warn(name, value, "is no address such as http://collector:4318; spans go to \(Self.standardHTTP)")
      return Self.standardHTTP
    }
    let isSecure = scheme == "https" || scheme == "grpcs"
    let place = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
    if asksForGRPC ?? (url.port == Self.portOfGRPC) || scheme.hasPrefix("grpc") {
      let replaced = "\(isSecure ? "https" : "http")://\(place):\(Self.portOfHTTP)\(Self.path)"
      warnOfGRPC(name, value, replaced)
      return replaced
    }
    let port = url.port.map { ":\($0)" } ?? ""
    let given = url.path == "/" ? "" : url.path
    let query = url.query.map { "?\($0)" } ?? ""
    let base = given.hasSuffix("/") ? String(given.dropLast()) : given
    let path = name.contains("TRACES") ? (given.isEmpty ? "/" : given) : base + Self.path
    return "\(scheme)://\(place)\(port)\(path)\(query)"
  }

  /// Whether the variables ask for gRPC; nil when they do not say.
  private mutating func asksForGRPC() -> Bool? {
    guard let (name, value) = transport("PROTOCOL") else { return nil }
    switch value {
    case "grpc": return true
    case "http/json", "http/protobuf": return false
    default:
      warn(name, value, "is none of http/json, http/protobuf and grpc; spans are sent as http/json")
      return false
    }
  }

  private mutating func warnOfGRPC(_ name: String, _ value: String, _ replaced: String) {
    warn(
      name, value,
      "asks for OTLP over gRPC, and spans are sent by OTLP over HTTP: they go to \(replaced), the port that collectors listen on "
        + "for it; set OTEL_EXPORTER_OTLP_TRACES_ENDPOINT where it is another one")
  }

  // MARK: - What is recorded

  private mutating func sampler() -> TraceSampler {
    let name = variables["OTEL_TRACES_SAMPLER"] ?? "parentbased_traceidratio"
    switch name {
    case "always_on": return TraceSampler(ratio: 1, followsCaller: false)
    case "always_off": return TraceSampler(ratio: 0, followsCaller: false)
    case "traceidratio": return TraceSampler(ratio: ratio(), followsCaller: false)
    case "parentbased_always_on": return TraceSampler(ratio: 1, followsCaller: true)
    case "parentbased_always_off": return TraceSampler(ratio: 0, followsCaller: true)
    case "parentbased_traceidratio": return TraceSampler(ratio: ratio(), followsCaller: true)
    default:
      warn("OTEL_TRACES_SAMPLER", name, "is not known; it counts as parentbased_traceidratio")
      return TraceSampler(ratio: ratio(), followsCaller: true)
    }
  }

  private mutating func ratio() -> Double {
    guard let text = variables["OTEL_TRACES_SAMPLER_ARG"] else { return TraceSampler.standard.ratio }
    guard let ratio = Double(text.trimmed), (0...1).contains(ratio) else {
      warn("OTEL_TRACES_SAMPLER_ARG", text, "is not from 0 to 1; it counts as \(TraceSampler.standard.ratio)")
      return TraceSampler.standard.ratio
    }
    return ratio
  }

  private mutating func resource(service: String, version: String) -> [TraceSettings.Attribute] {
    var given = pairs(variables["OTEL_RESOURCE_ATTRIBUTES"].map { ("OTEL_RESOURCE_ATTRIBUTES", $0) })
    let name = variables["OTEL_SERVICE_NAME"] ?? given.last { $0.key == "service.name" }?.value ?? service
    let versionGiven = given.last { $0.key == "service.version" }?.value ?? version
    given.removeAll { $0.key == "service.name" || $0.key == "service.version" }
    return [.init(key: "service.name", value: name), .init(key: "service.version", value: versionGiven)] + given
  }

  // MARK: - Values

  /// Reads `key=value,key2=value2`, percent-encoded as in W3C Baggage.
  private mutating func pairs(_ variable: (name: String, value: String)?) -> [TraceSettings.Attribute] {
    guard let variable else { return [] }
    var result: [TraceSettings.Attribute] = []
    for pair in variable.value.split(separator: ",") where !pair.allSatisfy(\.isWhitespace) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, case let key = String(parts[0].trimmed), !key.isEmpty else {
        // Headers hold credentials: the value is not shown.
        warnings.append("\(variable.name): an entry is not of the form key=value, and is left out")
        continue
      }
      let value = String(parts[1].trimmed)
      result.append(.init(key: key, value: Self.percentDecoded(value)))
    }
    return result
  }

  /// The text with `%41` as `A`; what is not of this form stays.
  private static func percentDecoded(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
    var decoded: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      if byte == UInt8(ascii: "%"), rest.count >= 2, !digits.hasPrefix("+"), let value = UInt8(digits, radix: 16) {
        decoded.append(value)
        rest.removeFirst(2)
      } else {
        decoded.append(byte)
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  private mutating func milliseconds(_ name: String) -> Duration? {
    number(name, 1...Self.longest).map { .milliseconds($0) }
  }

  private mutating func number(_ name: String, _ range: ClosedRange<Int>) -> Int? {
    guard let text = variables[name] else { return nil }
    guard let value = Int(text.trimmed), range.contains(value) else {
      warn(name, text, "is not from \(range.lowerBound) to \(range.upperBound), and counts as not given")
      return nil
    }
    return value
  }

  private mutating func warn(_ name: String, _ value: String, _ problem: String) {
    warnings.append("\(name): '\(value.prefix(200))' \(problem)")
  }
}
