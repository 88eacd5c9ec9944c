package import EPPCore
package import Logging

/// Tells the objects of a collection, and every change of them, for as long as it runs: `WatchStateMachine` on a client.
package struct ResourceWatch<Resource: KubernetesResource>: Sendable {
  private typealias Machine = WatchStateMachine<Resource>

  /// How it fares.
  package let status: WatchStatus
  private let collection: ResourceCollection
  private let client: KubernetesClient
  private let configuration: WatchConfiguration
  private let logger: Logger
  private let clock: @Sendable () -> MonotonicTime

  /// - Parameters:
  ///   - status: where it is written how the watch fares; one that an earlier watch has used keeps the time of the last contact.
  ///   - clock: the present.
  package init(
    _ collection: ResourceCollection, client: KubernetesClient, status: WatchStatus = WatchStatus(),
    configuration: WatchConfiguration = WatchConfiguration(), logger: Logger,
    clock: @escaping @Sendable () -> MonotonicTime
  ) {
    self.collection = collection
    self.client = client
    self.status = status
    self.configuration = configuration
    self.logger = logger
    self.clock = clock
  }

  /// Works until the task is cancelled. Failures are logged when they begin and when they end.
  ///
  /// - Parameter output: is told each change in turn; the server waits meanwhile. Not called for a watch that nothing is told of.
  package func run(_ output: @escaping @Sendable (ResourceChange<Resource>) async -> Void) async {
    var machine = Machine(configuration, seed: .random(in: .min ... .max))
    var reaction = machine.start(now: clock())
    while !Task.isCancelled {
      if let change = reaction.change { await output(change) }
      if reaction.rereadsToken { client.rereadToken() }
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

  /// Reads a watch to its end, or until it has lasted too long.
  private func follow(
    _ request: Machine.WatchRequest, _ machine: inout Machine,
    _ output: @escaping @Sendable (ResourceChange<Resource>) async -> Void
  ) async -> Machine.Reaction {
    let start = machine
    let ended = await withTaskGroup(of: (Machine, Machine.Reaction)?.self) { group in
      group.addTask {
        var machine = start
        let reaction = await read(request, &machine, output)
        return (machine, reaction)
      }
      group.addTask {
        try? await Task.sleep(for: request.longest)
        return nil
      }
      var ended: (Machine, Machine.Reaction)?
      // Whoever ends first ends the other; the reader always has a result.
      for await result in group {
        group.cancelAll()
        ended = result ?? ended
      }
      return ended
    }
    guard let ended else { return fail(&machine, .cancelled) }
    machine = ended.0
    return ended.1
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

  // MARK: - What is told of it

  /// Lets the machine take an event, and tells what that has changed.
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
      logger.warning("\(Self.sentence(failure))", metadata: metadata)
    }
    return reaction
  }

  private static func sentence(_ failure: WatchFailure) -> String {
    switch failure {
    case .missing: "the API server does not serve the resource; asking again"
    case .forbidden:
      "the API server forbids to list and watch the resource; its Role needs the verbs get, list and watch"
    case .unauthorized: "the API server does not accept the credentials; reading the token again"
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
