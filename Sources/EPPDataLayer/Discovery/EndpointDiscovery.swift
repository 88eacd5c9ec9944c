package import EPPCore
import EPPYAML
package import Logging
package import NIOPosix
import Synchronization

/// Passes endpoints from `--endpoint` flags and from an endpoints file to the store, with host names resolved.
///
/// An endpoint's name stays as it was typed; its address is the resolved one, because a gateway takes IP addresses only.
/// A host name stands for one engine: of several addresses the first is used, IPv4 before IPv6. Names are resolved every
/// 30 seconds, and within a second when an endpoint stops answering. Any thread may use it.
package final class EndpointDiscovery: Sendable {
  /// Time between two checks of the file.
  static let interval = Duration.milliseconds(500)

  private let flags: [DiscoveredEndpoint]
  private let file: String?
  private let store: EndpointStore
  private let threads: NIOThreadPool
  private let resolver: HostResolver
  private let logger: Logger
  private let clock: @Sendable () -> MonotonicTime
  private let isUrgent = Atomic<Bool>(false)

  /// Prepares discovery; nothing is read before `run`.
  ///
  /// - Parameters:
  ///   - endpoints: Addresses given with `--endpoint`; the text of an address is the endpoint's name.
  ///   - file: Path of the endpoints file; nil when there is none.
  ///   - threads: Run blocking calls: name resolution and reading the file. The caller starts and stops them.
  ///   - clock: Returns the current time.
  package init(
    endpoints: [EndpointAddress], file: String?, store: EndpointStore, threads: NIOThreadPool, logger: Logger,
    clock: @escaping @Sendable () -> MonotonicTime = { .now() }
  ) {
    flags = endpoints.map { DiscoveredEndpoint(name: $0.description, address: $0) }
    self.file = file
    self.store = store
    self.threads = threads
    resolver = HostResolver(threads: threads)
    self.logger = logger
    self.clock = clock
  }

  /// Reports that an endpoint does not answer, so that host names are resolved again within a second. Any thread may call it.
  package func noteUnreachable() { isUrgent.store(true, ordering: .relaxed) }

  /// Watches the file and resolves host names until the task is cancelled.
  ///
  /// - Parameters:
  ///   - afterFirstPass: Called once, when the endpoints whose addresses are known are in the store; when none is known
  ///     without a name server, after the first answers of name servers.
  ///   - afterFirstReading: Called once, when the file has been read and its endpoints with known addresses are in the store;
  ///     without a file, right after `afterFirstPass`. Not called while the file cannot be read.
  package func run(afterFirstPass: () async -> Void, afterFirstReading: () async -> Void) async {
    var state = PassState(
      file: file.map { WatchedFile(path: $0, largest: EndpointsFile.largest) }, hasReadFile: file == nil)
    await look(&state)
    // A name server may take half a minute to say nothing: endpoints whose address is known do not wait for it.
    let hasKnown = !store.currentSnapshot().members.isEmpty
    if hasKnown { await afterFirstPass() }
    var hasReported = hasKnown && state.hasReadFile
    if hasReported { await afterFirstReading() }
    await resolveAndPublish(&state)
    if !hasKnown { await afterFirstPass() }
    while true {
      if !hasReported, state.hasReadFile {
        hasReported = true
        await afterFirstReading()
      }
      guard (try? await Task.sleep(for: Self.interval)) != nil else { return }
      await look(&state)
      await resolveAndPublish(&state)
    }
  }

  private struct PassState {
    var file: WatchedFile?
    /// Whether the file has been read successfully once; true when there is no file.
    var hasReadFile: Bool
    var fromFile: [DiscoveredEndpoint] = []
    var hosts = HostTable()
    var isFirst = true
  }

  /// Reads the file if it has changed, and publishes the endpoints whose address is known.
  private func look(_ state: inout PassState) async {
    var hasChanged = state.isFirst
    state.isFirst = false
    if let endpoints = await readFile(&state) {
      state.fromFile = endpoints
      state.hasReadFile = true
      hasChanged = true
    }
    if hasChanged { await publish(state) }
  }

  private func resolveAndPublish(_ state: inout PassState) async {
    if await resolve(&state) { await publish(state) }
  }

  private func publish(_ state: PassState) async {
    guard !Task.isCancelled else { return }
    let fromFlags = await store.replaceEndpoints(resolved(flags, state.hosts), from: .flags)
    for problem in fromFlags { logger.error("--endpoint: \(problem)") }
    guard let file else { return }
    let fromFile = await store.replaceEndpoints(resolved(state.fromFile, state.hosts), from: .file)
    for problem in fromFile { logger.error("endpoints file \(file): \(problem)") }
  }

  /// Reads the file and returns its endpoints; nil when it is unchanged or cannot be read.
  private func readFile(_ state: inout PassState) async -> [DiscoveredEndpoint]? {
    guard let before = state.file else { return nil }
    let looked = try? await threads.runIfActive {
      var after = before
      let look = after.look()
      return (look, after)
    }
    guard let (look, after) = looked else { return nil }
    state.file = after
    let path = before.path
    let consequence =
      state.hasReadFile ? "the endpoints stay as they are" : "the picker is not ready before it has been read"
    switch look {
    case .unchanged:
      return nil
    case .problem(let problem):
      logger.error("endpoints file \(path): \(problem); \(consequence)")
      return nil
    case .content(let bytes):
      do throws(EndpointProblem) {
        guard let text = YAMLDocument.text(bytes) else { throw EndpointProblem(FileProblem.noText.description) }
        let parsed = try EndpointsFile(text)
        for problem in parsed.problems { logger.error("\(Self.place(path, problem)): \(problem.message)") }
        logger.info("endpoints file read", metadata: ["path": "\(path)", "endpoints": "\(parsed.endpoints.count)"])
        return parsed.endpoints
      } catch {
        logger.error("\(Self.place(path, error)): \(error.message); \(consequence)")
        return nil
      }
    }
  }

  private static func place(_ path: String, _ problem: EndpointProblem) -> String {
    problem.line.map { "\(path):\($0)" } ?? path
  }

  /// The outcome of resolving a host name. A struct, not a tuple with a `Result`: release builds of Swift 6.3 miscompile a task
  /// group of such tuples, so that it yields nothing.
  private struct HostAnswer: Sendable {
    var host: String
    var addresses: [String]
    var failure: (any Error)?
  }

  /// Resolves all host names that are due, concurrently. Returns whether an address has changed.
  private func resolve(_ state: inout PassState) async -> Bool {
    var wanted: Set<String> = []
    for endpoint in flags + state.fromFile {
      for host in [endpoint.address.host, endpoint.metricsAddress.host] where IPAddress(host) == nil {
        wanted.insert(host)
      }
    }
    let due = state.hosts.due(
      among: wanted, now: clock(), isUrgent: isUrgent.exchange(false, ordering: .relaxed))
    guard !due.isEmpty else { return false }
    let answers = await withTaskGroup(of: HostAnswer.self) { group in
      for host in due {
        group.addTask { [resolver] in
          do {
            return HostAnswer(host: host, addresses: try await resolver.addresses(of: host), failure: nil)
          } catch {
            return HostAnswer(host: host, addresses: [], failure: error)
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    var hasChanged = false
    let now = clock()
    for answer in answers {
      let host = answer.host
      switch answer.failure {
      case nil:
        if state.hosts.note(host, addresses: answer.addresses, now: now) {
          hasChanged = true
          logger.info(
            "host resolved", metadata: ["host": "\(host)", "address": "\(state.hosts.address(of: host) ?? "")"])
        }
      case let error?:
        if state.hosts.noteFailure(host, now: now), !(error is CancellationError) {
          logger.warning(
            "host cannot be resolved; asking again", metadata: ["host": "\(host)", "error": "\(error)"])
        }
      }
    }
    return hasChanged
  }

  /// Returns the endpoints whose host names are resolved, with IP addresses in place of the names.
  private func resolved(_ endpoints: [DiscoveredEndpoint], _ hosts: HostTable) -> [DiscoveredEndpoint] {
    endpoints.compactMap { endpoint in
      var endpoint = endpoint
      if IPAddress(endpoint.address.host) == nil {
        guard let address = hosts.address(of: endpoint.address.host) else { return nil }
        endpoint.address.host = address
      }
      if IPAddress(endpoint.metricsAddress.host) == nil {
        guard let address = hosts.address(of: endpoint.metricsAddress.host) else { return nil }
        endpoint.metricsAddress.host = address
      }
      return endpoint
    }
  }
}
