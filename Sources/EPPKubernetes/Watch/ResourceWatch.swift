package import EPPCore
package import Logging

/// Lists the objects of a collection and reports every change while it runs. Performs the steps of `WatchStateMachine` with a
/// client.
package struct ResourceWatch<Resource: KubernetesResource>: Sendable {
  private typealias Machine = WatchStateMachine<Resource>

  /// Last contact and current failure of the watch.
  package let status: WatchStatus
  private let collection: ResourceCollection
  private let client: KubernetesClient
  private let configuration: WatchConfiguration
  private let logger: Logger
  private let clock: @Sendable () -> MonotonicTime
  /// Whether the API server may lack the resource.
  private let isOptional: Bool
  private let failed: @Sendable (WatchFailure) -> Void

  /// Prepares a watch; no request is sent before `run`.
  ///
  /// - Parameters:
  ///   - status: Updated by the watch. A status that an earlier watch has used keeps the time of the last contact.
  ///   - clock: Returns the current time.
  ///   - isOptional: Whether the API server may lack the resource, or forbid to read it. This is then logged as information, not
  ///     as a warning.
  ///   - failed: Called when the cached objects begin not to be kept up to date, after the status has been updated.
  package init(
    _ collection: ResourceCollection, client: KubernetesClient, status: WatchStatus = WatchStatus(),
    configuration: WatchConfiguration = WatchConfiguration(), logger: Logger,
    clock: @escaping @Sendable () -> MonotonicTime, isOptional: Bool = false,
    failed: @escaping @Sendable (WatchFailure) -> Void = { _ in }
  ) {
    self.collection = collection
    self.client = client
    self.status = status
    self.configuration = configuration
    self.logger = logger
    self.clock = clock
    self.isOptional = isOptional
    self.failed = failed
  }

  /// Lists and watches until the task is cancelled. Failures are logged when they begin and when they end.
  ///
  /// - Parameter output: Receives one change after the other. While it works, the server waits. It is not called for a watch
  ///   without changes.
  package func run(_ output: @escaping @Sendable (ResourceChange<Resource>) async -> Void) async {
    var machine = Machine(configuration, seed: .random(in: .min ... .max))
    var reaction = machine.start(now: clock())
    while !Task.isCancelled {
      if let change = reaction.change { await output(change) }
      switch reaction.step {
      case .list(let request): reaction = await list(request, &machine)
      case .watch(let request): reaction = await follow(request, &machine, output)
      case .wait(let until):
        try? await Task.sleep(for: max(.zero, until.duration(since: clock())))
        reaction = machine.timePassed(now: clock())
      }
    }
  }

  private func list(_ request: Machine.ListRequest, _ machine: inout Machine) async -> Machine.Reaction {
    do throws(KubernetesError) {
      let page: ResourcePage<Resource> = try await client.page(
        of: collection, limit: request.limit, continuation: request.continuation)
      for object in page.unreadable { warn(object) }
      return note(&machine) { $0.listed(page, now: clock()) }
    } catch {
      return fail(&machine, error)
    }
  }

  /// Reads a watch until it ends or exceeds its longest duration.
  private func follow(
    _ request: Machine.WatchRequest, _ machine: inout Machine,
    _ output: @escaping @Sendable (ResourceChange<Resource>) async -> Void
  ) async -> Machine.Reaction {
    // A watch that the limit has ended fails as silent.
    let start = machine
    let ended = await withTimeLimit(request.longest) {
      var machine = start
      let reaction = await read(request, &machine, output)
      return (machine, reaction)
    }
    machine = ended.value.0
    return ended.value.1
  }

  private func read(
    _ request: Machine.WatchRequest, _ machine: inout Machine,
    _ output: @Sendable (ResourceChange<Resource>) async -> Void
  ) async -> Machine.Reaction {
    do throws(KubernetesError) {
      let stream: WatchStream<Resource> = try await client.watch(
        collection, after: request.version, seconds: request.seconds)
      note(&machine) { $0.opened(now: clock()) }
      let reaction = try await stream.forEach { event in
        if case .unreadable(let object, isDeleted: false) = event { warn(object) }
        let error: KubernetesError? = if case .error(let status) = event { .status(status) } else { nil }
        switch note(&machine, error: error, { $0.received(event, now: clock()) }) {
        case .goOn(let change):
          if let change { await output(change) }
          return nil as Machine.Reaction?
        case .leave(let reaction): return reaction
        }
      }
      return reaction ?? note(&machine) { $0.ended(now: clock()) }
    } catch {
      return fail(&machine, error)
    }
  }

  private func fail(_ machine: inout Machine, _ error: KubernetesError) -> Machine.Reaction {
    note(&machine, error: error) { $0.failed(WatchFailure(error), now: clock()) }
  }

  // MARK: - Status and log

  /// Passes an event to the state machine, then updates the status and logs a change of availability.
  @discardableResult
  private func note<Reaction>(
    _ machine: inout Machine, error: KubernetesError? = nil, _ event: (inout Machine) -> Reaction
  ) -> Reaction {
    let before = machine.availability
    let reaction = event(&machine)
    let after = machine.availability
    let failure: WatchFailure? = if case .failing(let failure) = after { failure } else { nil }
    status.note(lastContact: machine.lastContact, failure: failure)
    if let error, WatchFailure(error) == .expired {
      logger.info("the API server no longer keeps the version that is known; listing again", metadata: metadata)
    }
    guard before != after, !Task.isCancelled else { return reaction }
    switch after {
    case .starting: break
    case .available:
      if before == .starting {
        logger.info("Kubernetes resource is followed", metadata: metadata)
      } else {
        logger.notice("Kubernetes resource is followed again", metadata: metadata)
      }
    case .failing(let failure):
      var metadata = metadata
      if let error { metadata["error"] = "\(error)" }
      let level: Logger.Level = isOptional && failure.isUnavailability ? .info : .warning
      logger.log(level: level, "\(Self.sentence(failure))", metadata: metadata)
      failed(failure)
    }
    return reaction
  }

  private static func sentence(_ failure: WatchFailure) -> String {
    switch failure {
    case .missing: "the API server does not serve the resource; asking again"
    case .forbidden:
      "the API server forbids to list and watch the resource; its Role needs the verbs list and watch"
    case .unauthorized: "the API server does not accept the credentials; asking again with the token as it is now"
    case .silent: "the API server has not ended a watch in time; watching again"
    case .expired, .behind, .busy, .unreachable, .unreadable:
      "the API server cannot be asked; what is known of the resource stays in use"
    }
  }

  private func warn(_ object: UnreadableObject) {
    var metadata = metadata
    metadata["object"] = "\(object.key)"
    metadata["problem"] = "\(object.problem)"
    logger.warning(
      "an object of the Kubernetes API cannot be read; what was known of it stays in use", metadata: metadata)
  }

  private var metadata: Logger.Metadata {
    let kind = collection.kind
    return [
      "resource": "\(kind.plural)\(kind.group.isEmpty ? "" : "." + kind.group)", "namespace": "\(collection.namespace)",
    ]
  }
}
