import AsyncHTTPClient
package import EPPCore
import FoundationEssentials
package import NIOCore
import NIOHTTP1
import NIOSSL

/// Speaks to the API server of a Kubernetes cluster: lists, watches and single requests, each with a bound on its time and size.
///
/// Any task may use it. HTTP/1.1 only: of several streams on one connection none would notice that the peer has gone, and a request
/// that is sent again would go to the same connection; here each watch has a connection of its own, which ends with it.
package final class KubernetesClient: Sendable {
  /// Bounds on requests.
  package struct Limits: Sendable {
    /// Until there is a connection.
    package var connect = Duration.seconds(5)
    /// Until the whole answer is here; of a watch, until the server begins to answer.
    package var answer = Duration.seconds(30)
    /// Bytes of an answer. A page of 500 large pods has 15 MB.
    package var answerBytes = 256 << 20
    /// Bytes of a line of a watch: one object. Kubernetes keeps objects of up to 1.5 MB.
    package var lineBytes = 8 << 20

    package init() {}
  }

  /// The namespace that the configuration names.
  package let namespace: String?
  private let server: String
  private let limits: Limits
  private let token: BearerToken
  private let client: HTTPClient

  /// Opens nothing yet; `shutdown` has to be called at the end.
  ///
  /// - Parameter clock: the present, for the age of the token.
  package init(
    _ configuration: KubernetesConfiguration, limits: Limits = Limits(),
    clock: @escaping @Sendable () -> MonotonicTime
  ) throws(KubernetesConfiguration.Problem) {
    namespace = configuration.namespace
    server = configuration.server
    self.limits = limits
    token = BearerToken(configuration.credentials, clock: clock)
    var settings = HTTPClient.Configuration()
    settings.httpVersion = .http1Only
    settings.tlsConfiguration = try configuration.tlsConfiguration()
    settings.timeout.connect = .nanoseconds(limits.connect.wholeNanoseconds)
    settings.connectionPool.retryConnectionEstablishment = false
    settings.connectionPool.idleTimeout = .seconds(30)
    settings.redirectConfiguration = .disallow
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
  }

  /// Ends all connections; requests under way fail.
  package func shutdown() async { try? await client.shutdown() }

  /// The token was refused: its file is read again for the next request.
  package func rereadToken() { token.reread() }

  // MARK: - Lists and watches

  /// A page of a list.
  ///
  /// - Parameters:
  ///   - limit: objects of the page; nil for all.
  ///   - continuation: of the page before; nil for the first page.
  package func page<Resource: KubernetesResource>(
    of collection: ResourceCollection, limit: Int?, continuation: String?
  ) async throws(KubernetesError) -> ResourcePage<Resource> {
    var query = Self.selectors(of: collection)
    if let limit { query.append(("limit", String(limit))) }
    if let continuation { query.append(("continue", continuation)) }
    let answer = try await send(.get, collection.kind.path(namespace: collection.namespace), query: query)
    return try Self.decode(answer)
  }

  /// Opens a watch; returns when the server has begun to answer it.
  ///
  /// - Parameters:
  ///   - version: changes after this version are told.
  ///   - seconds: how long the server is to keep the watch open.
  package func watch<Resource: KubernetesResource>(
    _ collection: ResourceCollection, after version: String, seconds: Int
  ) async throws(KubernetesError) -> WatchStream<Resource> {
    let query =
      Self.selectors(of: collection) + [
        ("watch", "1"), ("resourceVersion", version), ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", String(seconds)),
      ]
    let request = request(.get, collection.kind.path(namespace: collection.namespace), query)
    let response = try await execute(request)
    guard response.status.code == 200 else { throw try await failure(response) }
    return WatchStream(body: response.body, lineBytes: limits.lineBytes)
  }

  // MARK: - Single requests

  /// What a request does.
  package enum Method: Sendable {
    case get
    /// Creates an object from JSON.
    case post(ByteBuffer)
    /// Replaces an object by JSON.
    case put(ByteBuffer)
    /// Changes the fields of an object that are in a merge patch (RFC 7396).
    case mergePatch(ByteBuffer)
    case delete
  }

  /// Sends a request and returns the body of its answer, if that is a success.
  ///
  /// - Parameters:
  ///   - path: from the root of the API, such as `/api/v1/namespaces/default/pods/a`.
  ///   - query: names and values, not escaped.
  package func send(
    _ method: Method, _ path: String, query: [(String, String)] = []
  ) async throws(KubernetesError) -> ByteBuffer {
    let request = request(method, path, query)
    return try await within(limits.answer) { () async throws(KubernetesError) in
      let response = try await self.execute(request)
      guard (200..<300).contains(response.status.code) else { throw try await self.failure(response) }
      return try await self.collect(response, atMost: self.limits.answerBytes)
    }
  }

  /// Reads an answer.
  package static func decode<Value: Decodable>(_ answer: ByteBuffer) throws(KubernetesError) -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(answer.readableBytesView))
    } catch {
      throw .unreadable("\(error)")
    }
  }

  private func request(_ method: Method, _ path: String, _ query: [(String, String)]) -> HTTPClientRequest {
    let text = query.map { $0.0 + "=" + Self.escaped($0.1) }.joined(separator: "&")
    var request = HTTPClientRequest(url: server + path + (text.isEmpty ? "" : "?" + text))
    request.headers.add(name: "accept", value: "application/json")
    request.headers.add(name: "user-agent", value: "warmpath-epp")
    if let token = token.current() { request.headers.add(name: "authorization", value: "Bearer " + token) }
    let body: (bytes: ByteBuffer, type: String)?
    switch method {
    case .get: (request.method, body) = (.GET, nil)
    case .delete: (request.method, body) = (.DELETE, nil)
    case .post(let bytes): (request.method, body) = (.POST, (bytes, "application/json"))
    case .put(let bytes): (request.method, body) = (.PUT, (bytes, "application/json"))
    case .mergePatch(let bytes): (request.method, body) = (.PATCH, (bytes, "application/merge-patch+json"))
    }
    if let body {
      request.headers.add(name: "content-type", value: body.type)
      request.body = .bytes(body.bytes)
    }
    return request
  }

  private static func selectors(of collection: ResourceCollection) -> [(String, String)] {
    [("labelSelector", collection.labelSelector), ("fieldSelector", collection.fieldSelector)].filter { !$0.1.isEmpty }
  }

  /// Percent-encoded but for what RFC 3986 calls unreserved.
  private static func escaped(_ value: String) -> String {
    var result = ""
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += digits.utf8.count == 1 ? "%0" + digits : "%" + digits
      }
    }
    return result
  }

  // MARK: - HTTP

  /// The head of the answer.
  private func execute(_ request: HTTPClientRequest) async throws(KubernetesError) -> HTTPClientResponse {
    do {
      return try await client.execute(request, timeout: .nanoseconds(limits.answer.wholeNanoseconds))
    } catch {
      throw KubernetesError(connection: error)
    }
  }

  private func collect(_ response: HTTPClientResponse, atMost limit: Int) async throws(KubernetesError) -> ByteBuffer {
    do {
      return try await response.body.collect(upTo: limit)
    } catch is NIOTooManyBytesError {
      throw .tooLarge(limit: limit)
    } catch {
      throw KubernetesError(connection: error)
    }
  }

  /// What an answer that is no success says. Servers in front of the API server say it in other forms.
  private func failure(_ response: HTTPClientResponse) async throws(KubernetesError) -> KubernetesError {
    let body = try await within(limits.answer) { () async throws(KubernetesError) in
      try await self.collect(response, atMost: Self.largestStatus)
    }
    let told: KubernetesStatus? = try? Self.decode(body)
    var status =
      told
      ?? KubernetesStatus(
        code: 0,
        message: String(
          buffer: body.getSlice(at: body.readerIndex, length: min(body.readableBytes, 200)) ?? ByteBuffer()))
    status.code = Int(response.status.code)
    status.retryAfterSeconds =
      response.headers.first(name: "retry-after").flatMap { Int($0) } ?? status.retryAfterSeconds
    return .status(status)
  }

  private static let largestStatus = 1 << 20

  /// The result of `body`, if it is there in time.
  private func within<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws(KubernetesError) -> Result
  ) async throws(KubernetesError) -> Result {
    let first = await withTaskGroup(of: Swift.Result<Result, KubernetesError>.self) { group in
      defer { group.cancelAll() }
      group.addTask {
        do throws(KubernetesError) { return .success(try await body()) } catch { return .failure(error) }
      }
      group.addTask {
        do {
          try await Task.sleep(for: limit)
          return .failure(.timedOut)
        } catch {
          return .failure(.cancelled)
        }
      }
      return await group.next() ?? .failure(.cancelled)
    }
    return try first.get()
  }
}

extension KubernetesError {
  /// What an error of the HTTP client means.
  init(connection error: any Error) {
    switch error {
    case is CancellationError: self = .cancelled
    case let error as HTTPClientError where error == .cancelled: self = .cancelled
    case let error as HTTPClientError where error == .deadlineExceeded: self = .timedOut
    default: self = .connection("\(error)")
    }
  }
}
