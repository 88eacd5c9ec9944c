import AsyncHTTPClient
package import EPPCore
import FoundationEssentials
package import NIOCore
import NIOHTTP1
import NIOSSL

/// A client of an API server: lists, watches and single requests, each with limits on time and size. Any task may use it.
///
/// Uses HTTP/1.1 only, so that each watch has its own connection, which is closed when the watch ends. With HTTP/2, many
/// streams share one connection: none of them notices that the peer has gone, and a retry is sent on the same connection.
package final class KubernetesClient: Sendable {
  /// Limits of requests.
  package struct Limits: Sendable {
    /// Longest time to establish a connection.
    package var connect = Duration.seconds(5)
    /// Longest time until the whole response has arrived; for a watch, until the response begins.
    package var answer = Duration.seconds(30)
    /// Largest response in bytes. A page of 500 large pods has 15 MB.
    package var answerBytes = 256 << 20
    /// Largest line of a watch in bytes. A line contains one object, and Kubernetes stores objects of up to 1.5 MB.
    package var lineBytes = 8 << 20

    package init() {}
  }

  /// Namespace of the configuration; nil when it has none.
  package let namespace: String?
  private let server: String
  private let limits: Limits
  private let token: BearerToken
  private let client: HTTPClient

  /// Creates a client. Reads certificate files, which blocks, and opens no connection. Call `shutdown` at the end.
  ///
  /// - Parameter clock: Returns the current time, from which the age of the token is computed.
  /// - Throws: `Problem` when a certificate or key cannot be read.
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

  /// Closes all connections. Requests in progress fail.
  package func shutdown() async { try? await client.shutdown() }

  // MARK: - Lists and watches

  /// Requests a page of a list.
  ///
  /// - Parameters:
  ///   - limit: Number of objects of the page; nil asks for all.
  ///   - continuation: Continuation of the previous page; nil asks for the first page.
  package func page<Resource: KubernetesResource>(
    of collection: ResourceCollection, limit: Int?, continuation: String?
  ) async throws(KubernetesError) -> ResourcePage<Resource> {
    var query = Self.selectors(of: collection)
    if let limit { query.append(("limit", String(limit))) }
    if let continuation { query.append(("continue", continuation)) }
    let answer = try await send(.get, collection.kind.path(namespace: collection.namespace), query: query)
    return try Self.decode(answer)
  }

  /// Opens a watch and returns when the server has begun to answer it.
  ///
  /// - Parameters:
  ///   - version: resourceVersion after which changes are reported.
  ///   - seconds: Time for which the server is asked to keep the watch open.
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

  /// Method of a request, with its body.
  package enum Method: Sendable {
    case get
    /// Creates an object; the body is JSON.
    case post(ByteBuffer)
    /// Replaces an object; the body is JSON.
    case put(ByteBuffer)
  }

  /// Sends a request and returns the body of the response.
  ///
  /// - Parameters:
  ///   - path: Path from the root of the API, such as `/api/v1/namespaces/default/pods/a`.
  ///   - query: Names and values, not percent-encoded.
  /// - Throws: `KubernetesError.status` for a response other than 2xx; other errors when there is no complete response.
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

  /// Decodes a JSON response.
  package static func decode<Value: Decodable>(_ answer: ByteBuffer) throws(KubernetesError) -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(answer.readableBytesView))
    } catch {
      throw .unreadable("\(error)")
    }
  }

  /// Encodes an object as the JSON body of a request.
  package static func encode(_ value: some Encodable) throws(KubernetesError) -> ByteBuffer {
    do {
      return ByteBuffer(bytes: try JSONEncoder().encode(value))
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
    case .post(let bytes): (request.method, body) = (.POST, (bytes, "application/json"))
    case .put(let bytes): (request.method, body) = (.PUT, (bytes, "application/json"))
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

  /// Returns the percent-encoded value, in which only the unreserved characters of RFC 3986 remain.
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

  /// Sends a request and returns as soon as the head of the response has arrived.
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

  /// Reads the body of a failed response and returns the error. After a 401 the next request reads the token file again. Proxies in front of the API server answer without a `Status`;
  /// the first 200 bytes of such a body become the message.
  private func failure(_ response: HTTPClientResponse) async throws(KubernetesError) -> KubernetesError {
    if response.status == .unauthorized { token.reread() }
    let body = try await within(limits.answer) { () async throws(KubernetesError) in
      try await self.collect(response, atMost: Self.largestStatus)
    }
    let decoded: KubernetesStatus? = try? Self.decode(body)
    var status =
      decoded
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

  /// Returns the result of `body`, which sends one request or several; throws `timedOut` when it takes longer than `limit`.
  package func within<Result: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws(KubernetesError) -> Result
  ) async throws(KubernetesError) -> Result {
    let limited = await withTimeLimit(limit) { () -> Swift.Result<Result, KubernetesError> in
      do throws(KubernetesError) { return .success(try await body()) } catch { return .failure(error) }
    }
    // The error of an operation that the limit has ended says that it was cancelled.
    if limited.hasTimedOut, case .failure = limited.value { throw .timedOut }
    return try limited.value.get()
  }
}

extension KubernetesError {
  /// Creates the equivalent of an error of the HTTP client.
  init(connection error: any Error) {
    switch error {
    case is CancellationError: self = .cancelled
    case let error as HTTPClientError where error == .cancelled: self = .cancelled
    case let error as HTTPClientError where error == .deadlineExceeded: self = .timedOut
    default: self = .connection("\(error)")
    }
  }
}
