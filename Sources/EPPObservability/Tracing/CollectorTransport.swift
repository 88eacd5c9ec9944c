import AsyncHTTPClient
import EPPCore
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1
import NIOSSL

/// Sends spans to a collector by OTLP over HTTP, as JSON.
package struct CollectorTransport: TraceTransport {
  private let collector: TraceSettings.Collector
  private let client: HTTPClient

  /// `shutdown` has to be called at the end.
  ///
  /// - Parameter version: the version of the program, for the header `user-agent`.
  /// - Throws: When a file of a certificate or a key cannot be used.
  package init(_ collector: TraceSettings.Collector, version: String) throws {
    self.collector = collector
    var settings = HTTPClient.Configuration()
    var tls = TLSConfiguration.makeClientConfiguration()
    if let file = collector.authorityFile {
      // Read here: the client would find out at the first export.
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
    }
    if let certificate = collector.certificateFile, let key = collector.keyFile {
      tls.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
      tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
    }
    settings.tlsConfiguration = tls
    settings.timeout.connect = .nanoseconds(min(collector.timeout, Self.longestConnect).wholeNanoseconds)
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1
    settings.connectionPool.retryConnectionEstablishment = false
    settings.redirectConfiguration = .disallow
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
    userAgent = "warmpath/\(version)"
  }

  private let userAgent: String
  private static let longestConnect = Duration.seconds(5)
  /// Longest answer that is read.
  private static let answerLimit = 64 << 10
  /// Statuses after which the same spans may be sent again (OTLP specification, "Retryable Response Codes").
  private static let retried: Set<UInt> = [429, 502, 503, 504]

  package var destination: String { collector.url }

  package func send(_ document: [UInt8]) async -> ExportOutcome {
    var request = HTTPClientRequest(url: collector.url)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.headers.add(name: "user-agent", value: userAgent)
    for header in collector.headers { request.headers.replaceOrAdd(name: header.name, value: header.value) }
    request.body = .bytes(ByteBuffer(bytes: document))
    do {
      let answer = try await client.execute(request, timeout: .nanoseconds(collector.timeout.wholeNanoseconds))
      let body = try? await answer.body.collect(upTo: Self.answerLimit)
      return Self.outcome(answer.status, answer.headers, body.map { Data($0.readableBytesView) } ?? Data())
    } catch {
      return .later(reason: "\(error)", after: nil)
    }
  }

  package func shutdown() async { try? await client.shutdown() }

  /// What an answer says of the batch.
  static func outcome(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: Data) -> ExportOutcome {
    switch status.code {
    case 200..<300:
      let answer = try? JSONDecoder().decode(Answer.self, from: body)
      guard let partial = answer?.partialSuccess, let rejected = partial.rejectedSpans?.value, rejected > 0 else {
        return .taken(rejected: 0, reason: "")
      }
      return .taken(
        rejected: rejected,
        reason: "the collector rejected \(rejected) spans: \(partial.errorMessage?.prefix(500) ?? "")")
    case let code where retried.contains(code):
      let seconds = headers.first(name: "retry-after").flatMap { Int($0) }
      return .later(
        reason: "the collector answered with status \(code)", after: seconds.map { .seconds(min(max(0, $0), 60)) })
    case let code:
      return .refused(
        reason:
          "the collector answered with status \(code); the address of a collector's OTLP receiver ends with /v1/traces")
    }
  }

  /// `ExportTraceServiceResponse`.
  private struct Answer: Decodable {
    let partialSuccess: Partial?

    struct Partial: Decodable {
      let rejectedSpans: Count?
      let errorMessage: String?
    }

    /// A 64-bit integer: a text, and from some collectors a number.
    struct Count: Decodable {
      let value: Int

      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        value = try (try? container.decode(Int.self)) ?? Int(container.decode(String.self)) ?? 0
      }
    }
  }
}

/// Writes each batch on one line of standard output.
package struct ConsoleTransport: TraceTransport {
  package init() {}

  package var destination: String { "standard output" }

  package func send(_ document: [UInt8]) async -> ExportOutcome {
    print(String(decoding: document, as: UTF8.self))
    // Who reads a pipe sees each batch when it is there.
    fflush(nil)
    return .taken(rejected: 0, reason: "")
  }

  package func shutdown() async {}
}
