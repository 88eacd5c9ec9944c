import EPPCore
import EPPKubernetes
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An API server on a free port of the loopback interface: lists in pages, watches, versions, 410, tokens and permissions.
/// Objects are kept in memory; tests choose the faults.
final class FakeAPIServer: Sendable {
  struct Faults: Sendable {
    /// The only accepted token; nil accepts all requests, with and without a token.
    var acceptedToken: String?
    /// Paths of collections that are answered with 403.
    var forbidden: Set<String> = []
    /// Paths of collections that are answered with 404.
    var missing: Set<String> = []
    /// Number of bytes of a watch that are sent in one piece; nil sends whole lines.
    var pieceBytes: Int?
    /// Whether watches are answered with 410 at once.
    var expiresWatches = false
    /// Whether requests are accepted and never answered.
    var isSilent = false
  }

  struct Request: Sendable {
    var method: HTTPMethod
    var path: String
    var query: [String: String]
    var headers: HTTPHeaders
    var body: String
  }

  private struct Object {
    var labels: [String: String]
    var version: Int
    var json: String
  }

  private struct Change {
    var version: Int
    var collection: String
    var name: String
    var before: Object?
    var after: Object?
  }

  private struct Watcher {
    var channel: any Channel
    var collection: String
    var labels: LabelSelector?
    var name: String?
  }

  private struct State {
    var faults = Faults()
    var collections: [String: [String: Object]] = [:]
    var history: [Change] = []
    var version = 100
    var floor = 100
    var watchers: [ObjectIdentifier: Watcher] = [:]
    var connections: [ObjectIdentifier: any Channel] = [:]
    var requests: [Request] = []
  }

  static let pods = "/api/v1/namespaces/ns/pods"
  static let pools = "/apis/inference.networking.k8s.io/v1/namespaces/ns/inferencepools"
  static let alphaPools = "/apis/inference.networking.x-k8s.io/v1alpha2/namespaces/ns/inferencepools"

  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let state = Mutex(State())
  private let port = Mutex(0)
  private let listener = Mutex<(any Channel)?>(nil)
  private let tls: NIOSSLContext?

  /// Creates a server; it listens after `start`.
  ///
  /// - Parameter tls: TLS settings; nil for plain HTTP.
  init(tls: TLSConfiguration? = nil) throws { self.tls = try tls.map { try NIOSSLContext(configuration: $0) } }

  var url: String { (tls == nil ? "http" : "https") + "://127.0.0.1:\(port.withLock { $0 })" }
  var requests: [Request] { state.withLock { $0.requests } }
  /// Returns the requests for watches of a collection.
  func watches(_ collection: String) -> [Request] {
    requests.filter { $0.path == collection && $0.query["watch"] != nil }
  }
  func lists(_ collection: String) -> [Request] {
    requests.filter { $0.path == collection && $0.query["watch"] == nil }
  }
  /// Number of open watches.
  var openWatches: Int { state.withLock { $0.watchers.count } }

  /// Whether a client reads a watch more slowly than it is written, so that the system's buffers are full.
  var isHeldUp: Bool { state.withLock { $0.watchers.values.contains { !$0.channel.isWritable } } }

  func set(_ change: (inout Faults) -> Void) { state.withLock { change(&$0.faults) } }

  /// Starts to listen. After the first time it listens on the same port again.
  func start() async throws {
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls = self.tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(server: self))
        }
      }
      .bind(host: "127.0.0.1", port: port.withLock { $0 }).get()
    port.withLock { $0 = channel.localAddress?.port ?? 0 }
    listener.withLock { $0 = channel }
  }

  /// Closes the listener and all connections, as the kill of a server does.
  func kill() async throws {
    try await listener.withLock { $0 }?.close()
    cutConnections()
  }

  func cutConnections() {
    for channel in state.withLock({ Array($0.connections.values) }) { channel.close(promise: nil) }
  }

  func stop() async throws { try await group.shutdownGracefully() }

  // MARK: - Objects

  /// Creates or replaces an object.
  func put(_ collection: String, _ name: String, labels: [String: String] = [:], _ json: (_ version: Int) -> String) {
    state.withLock { state in
      state.version += 1
      let object = Object(labels: labels, version: state.version, json: json(state.version))
      let before = state.collections[collection, default: [:]].updateValue(object, forKey: name)
      record(
        Change(version: state.version, collection: collection, name: name, before: before, after: object), &state)
    }
  }

  func put(pod name: String, address: String, isReady: Bool = true, labels: [String: String] = ["app": "vllm"]) {
    put(Self.pods, name, labels: labels) {
      Documents.pod(name, version: $0, address: address, isReady: isReady, labels: labels)
    }
  }

  func delete(_ collection: String, _ name: String) {
    state.withLock { state in
      guard var before = state.collections[collection]?.removeValue(forKey: name) else { return }
      state.version += 1
      before.json = before.json.replacing(
        #""resourceVersion": "\#(before.version)""#, with: #""resourceVersion": "\#(state.version)""#)
      record(Change(version: state.version, collection: collection, name: name, before: before, after: nil), &state)
    }
  }

  /// Sends a bookmark with the current version to all watches.
  func bookmark() {
    state.withLock { state in
      let line = #"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"\#(state.version)"}}}"#
      for watcher in state.watchers.values { write(line, to: watcher.channel, state.faults) }
    }
  }

  /// Removes the history, so that older versions are answered with 410.
  func compact() {
    state.withLock { state in
      state.floor = state.version
      state.history = []
    }
  }

  private func record(_ change: Change, _ state: inout State) {
    state.history.append(change)
    for watcher in state.watchers.values {
      if let line = Self.line(change, for: watcher) { write(line, to: watcher.channel, state.faults) }
    }
  }

  /// Returns the event of a change for a watcher; nil when the change does not concern its selection.
  private static func line(_ change: Change, for watcher: Watcher) -> String? {
    guard change.collection == watcher.collection, watcher.name.map({ $0 == change.name }) ?? true else { return nil }
    func isSeen(_ object: Object?) -> Object? {
      object.flatMap { object in watcher.labels.map { $0.matches(object.labels) } ?? true ? object : nil }
    }
    let (type, object): (String, Object?) =
      switch (isSeen(change.before), isSeen(change.after)) {
      case (nil, let after?): ("ADDED", after)
      case (_?, let after?): ("MODIFIED", after)
      case (let before?, nil): ("DELETED", change.after ?? before)
      case (nil, nil): ("", nil)
      }
    return object.map { #"{"type":"\#(type)","object":\#($0.json.replacing("\n", with: " "))}"# }
  }

  private func write(_ line: String, to channel: any Channel, _ faults: Faults) {
    let bytes = Array((line + "\n").utf8)
    let size = faults.pieceBytes ?? bytes.count
    for start in stride(from: 0, to: bytes.count, by: size) {
      let piece = ByteBuffer(bytes: bytes[start..<min(bytes.count, start + size)])
      channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(piece)), promise: nil)
    }
  }

  // MARK: - Answers

  private func answer(_ request: Request, on channel: any Channel) {
    state.withLock { state in
      state.requests.append(request)
      if state.faults.isSilent { return }
      if let token = state.faults.acceptedToken, request.headers.first(name: "authorization") != "Bearer " + token {
        return fail(401, "Unauthorized", on: channel)
      }
      if state.faults.forbidden.contains(request.path) { return fail(403, "Forbidden", on: channel) }
      if state.faults.missing.contains(request.path) { return fail(404, "NotFound", on: channel) }
      guard request.method == .GET else {
        return respond(
          201, #"{"echo": "\#(request.method) \#(request.headers.first(name: "content-type") ?? "")"}"#, on: channel)
      }
      let labels = request.query["labelSelector"].flatMap { try? LabelSelector($0) }
      let name = request.query["fieldSelector"]?.split(separator: "=").last.map { String($0) }
      guard request.query["watch"] == nil else {
        return watch(request, Watcher(channel: channel, collection: request.path, labels: labels, name: name), &state)
      }
      list(request, labels, name, state, on: channel)
    }
  }

  private func list(
    _ request: Request, _ labels: LabelSelector?, _ name: String?, _ state: State, on channel: any Channel
  ) {
    var version = state.version
    var start = 0
    if let parts = request.query["continue"]?.split(separator: ":").compactMap({ Int($0) }) {
      (version, start) = (parts[0], parts[1])
      guard version >= state.floor else { return fail(410, "Expired", on: channel) }
    }
    // Each page shows the current objects: changes between two pages are tested with the state machine.
    let all = (state.collections[request.path] ?? [:]).filter { entry in
      (labels.map { $0.matches(entry.value.labels) } ?? true) && (name.map { $0 == entry.key } ?? true)
    }.sorted { $0.key < $1.key }.map(\.value.json)
    let end = request.query["limit"].flatMap { Int($0) }.map { min(all.count, start + $0) } ?? all.count
    let continuation = end < all.count ? #","continue":"\#(version):\#(end)""# : ""
    respond(
      200,
      #"{"metadata":{"resourceVersion":"\#(version)"\#(continuation)},"items":[\#(all[start..<end].joined(separator: ","))]}"#,
      on: channel)
  }

  private func watch(_ request: Request, _ watcher: Watcher, _ state: inout State) {
    let version = request.query["resourceVersion"].flatMap { Int($0) } ?? 0
    channelHead(200, ["content-type": "application/json", "transfer-encoding": "chunked"], on: watcher.channel)
    guard !state.faults.expiresWatches, version >= state.floor else {
      let status = #"{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}"#
      write(#"{"type":"ERROR","object":\#(status)}"#, to: watcher.channel, state.faults)
      watcher.channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
      return
    }
    for change in state.history where change.version > version {
      if let line = Self.line(change, for: watcher) { write(line, to: watcher.channel, state.faults) }
    }
    state.watchers[ObjectIdentifier(watcher.channel)] = watcher
  }

  private func fail(_ code: Int, _ reason: String, on channel: any Channel) {
    respond(code, #"{"kind":"Status","code":\#(code),"reason":"\#(reason)","message":"no"}"#, on: channel)
  }

  private func respond(_ code: Int, _ body: String, on channel: any Channel) {
    channelHead(code, ["content-type": "application/json", "content-length": "\(body.utf8.count)"], on: channel)
    channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
    channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
  }

  private func channelHead(_ code: Int, _ headers: HTTPHeaders, on channel: any Channel) {
    let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: code), headers: headers)
    channel.writeAndFlush(HTTPServerResponsePart.head(head), promise: nil)
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let server: FakeAPIServer
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(server: FakeAPIServer) { self.server = server }

    func channelActive(context: ChannelHandlerContext) {
      let channel = context.channel
      server.state.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
    }

    func channelInactive(context: ChannelHandlerContext) {
      let key = ObjectIdentifier(context.channel)
      server.state.withLock { state in
        state.connections[key] = nil
        state.watchers[key] = nil
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head):
        self.head = head
        body.clear()
      case .body(var part): body.writeBuffer(&part)
      case .end:
        guard let head else { return }
        let parts = head.uri.split(separator: "?", maxSplits: 1)
        var query: [String: String] = [:]
        for pair in parts.count > 1 ? parts[1].split(separator: "&") : [] {
          let names = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
          query[String(names[0])] = names.count > 1 ? Self.unescaped(names[1]) : ""
        }
        server.answer(
          Request(
            method: head.method, path: String(parts[0]), query: query, headers: head.headers,
            body: String(buffer: body)), on: context.channel)
      }
    }

    private static func unescaped(_ text: Substring) -> String {
      var bytes: [UInt8] = []
      var rest = text.utf8[...]
      while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
          bytes.append(value)
          rest = rest.dropFirst(2)
        } else {
          bytes.append(byte)
        }
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}
