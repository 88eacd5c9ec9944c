package import EPPCore

/// A state machine that keeps cached objects of a kind up to date with lists and watches: one method per event, which returns
/// what to do. No I/O and no clock: times are passed in.
///
/// - All objects are listed in pages. The complete list replaces the cached objects in one step when its last page has arrived;
///   they stay in use until then.
/// - A watch begins at the resourceVersion of the list, and each later watch at the last resourceVersion of an object or a
///   bookmark.
/// - When the server no longer keeps the version (410), all objects are listed again. When it expires between two pages, they
///   are listed without pages.
/// - After a response that cannot be read all objects are listed again, because the same watch would return the same response.
/// - After other failures the request is retried: at first without delay when the token was refused, which the client then has read again,
///   after `accessDelay` when the resource is missing or forbidden, otherwise with growing delays. A watch that has brought an
///   event or has lasted for `shortestWatch` ends the series of failures.
package struct WatchStateMachine<Resource: KubernetesResource>: Sendable {
  /// A request for a page of a list.
  package struct ListRequest: Equatable, Sendable {
    /// Continuation of the previous page; nil for the first page.
    package var continuation: String?
    /// Number of objects of the page; nil asks for all.
    package var limit: Int?
  }

  /// A request for a watch.
  package struct WatchRequest: Equatable, Sendable {
    /// resourceVersion after which changes are reported.
    package var version: String
    /// Time for which the server is asked to keep the watch open.
    package var seconds: Int
    /// Duration after which the watch counts as silent.
    package var longest: Duration
  }

  /// Next step of the caller.
  package enum Step: Equatable, Sendable {
    case list(ListRequest)
    case watch(WatchRequest)
    /// Wait until this time, then call `timePassed`.
    case wait(until: MonotonicTime)
  }

  /// Reaction to an event outside of an open watch, or to an event that ends the watch.
  package struct Reaction: Equatable, Sendable {
    /// Change to report before the step; nil when there is none.
    package var change: ResourceChange<Resource>?
    package var step: Step
  }

  /// Reaction to an event of an open watch.
  package enum EventReaction: Equatable, Sendable {
    /// Report the change, if there is one, and continue the watch.
    case goOn(ResourceChange<Resource>?)
    /// Close the watch and follow the reaction.
    case leave(Reaction)
  }

  /// Whether the cached objects are kept up to date, for logs and metrics.
  package enum Availability: Hashable, Sendable {
    case starting
    case available
    case failing(WatchFailure)
  }

  private struct Listing: Sendable {
    var request: ListRequest
    var items: [Resource] = []
    var unreadable: Set<ObjectKey> = []
  }

  /// Work that continues after a delay.
  private enum Work: Sendable {
    case list(Listing)
    case watch(version: String)
  }

  private enum State: Sendable {
    case idle
    case listing(Listing)
    /// A watch is requested, or open since `openedAt`. `isProven` is whether the watch has brought an event.
    case watching(version: String, openedAt: MonotonicTime?, isProven: Bool)
    case waiting(until: MonotonicTime, then: Work)
  }

  package private(set) var availability = Availability.starting
  /// Time of the server's last successful answer or event; nil before the first one.
  package private(set) var lastContact: MonotonicTime?

  private let configuration: WatchConfiguration
  private var random: SplitMix64
  private var backoff: Backoff
  private var accessBackoff: Backoff
  private var failuresInRow = 0
  /// Watches in a row that were opened and closed at once. After two of them the next one has to last or to bring an event
  /// before the objects count as available: a proxy without a server behind it may open each of them.
  private var shortWatchesInRow = 0
  private var state = State.idle

  /// Creates a state machine.
  ///
  /// - Parameter seed: Seed of the random delays and durations that keep many pickers from sending requests at the same time.
  package init(_ configuration: WatchConfiguration = WatchConfiguration(), seed: UInt64) {
    self.configuration = configuration
    random = SplitMix64(seed: seed)
    let place = Double.random(in: 0..<1, using: &random)
    backoff = Backoff(
      initial: configuration.firstDelay, ceiling: configuration.longestDelay, jitter: configuration.jitter, place: place
    )
    accessBackoff = Backoff(
      initial: configuration.accessDelay, ceiling: configuration.accessDelay, jitter: configuration.jitter,
      place: place)
  }

  /// Returns the first step: a list.
  package mutating func start(now: MonotonicTime) -> Reaction { proceed(.list(firstPage), now) }

  /// Records that the requested page has arrived and returns what to do next. A page that was not requested changes nothing.
  package mutating func listed(_ page: ResourcePage<Resource>, now: MonotonicTime) -> Reaction {
    guard case .listing(var listing) = state else { return unchanged(now) }
    lastContact = now
    listing.items += page.items
    listing.unreadable.formUnion(page.unreadable.map(\.key))
    if let continuation = page.continuation {
      listing.request.continuation = continuation
      return proceed(.list(listing), now)
    }
    // A watch without a resourceVersion begins at an arbitrary state.
    guard !page.resourceVersion.isEmpty else { return failed(.unreadable, now: now) }
    var reaction = proceed(.watch(version: page.resourceVersion), now)
    reaction.change = .replaced(listing.items, unreadable: listing.unreadable)
    return reaction
  }

  /// Records that the server began to answer the watch.
  package mutating func opened(now: MonotonicTime) {
    guard case .watching(let version, _, let isProven) = state else { return }
    state = .watching(version: version, openedAt: now, isProven: isProven)
    lastContact = now
    // An answer ends every failure but that of a server that closes what it has opened.
    if shortWatchesInRow < 2 || availability != .failing(.unreachable) { availability = .available }
  }

  /// Records an event of the watch and returns what to do next.
  package mutating func received(_ event: WatchEvent<Resource>, now: MonotonicTime) -> EventReaction {
    guard case .watching(let version, let openedAt, _) = state else { return .goOn(nil) }
    let update: (version: String, change: ResourceChange<Resource>?)
    switch event {
    case .error(let status): return .leave(failed(WatchFailure(status), now: now))
    case .upserted(let resource): update = (resource.metadata.resourceVersion, .upserted(resource))
    case .deleted(let resource): update = (resource.metadata.resourceVersion, .deleted(resource.key))
    case .bookmark(let version): update = (version, nil)
    case .unreadable(let object, let isDeleted):
      update = (object.metadata.resourceVersion, isDeleted ? .deleted(object.key) : nil)
    }
    lastContact = now
    forgetFailures()
    state = .watching(version: update.version.isEmpty ? version : update.version, openedAt: openedAt, isProven: true)
    return .goOn(update.change)
  }

  /// Records that the server ended the watch in order and returns what to do next.
  package mutating func ended(now: MonotonicTime) -> Reaction {
    guard case .watching(let version, let openedAt, let isProven) = state else { return unchanged(now) }
    guard isProven || hasLasted(since: openedAt, now) else {
      return failed(.unreachable, now: now)
    }
    lastContact = now
    forgetFailures()
    return proceed(.watch(version: version), now)
  }

  /// Records that the request or the open watch failed and returns what to do next.
  package mutating func failed(_ failure: WatchFailure, now: MonotonicTime) -> Reaction {
    let interrupted: Work
    var hasLasted = false
    switch state {
    case .idle: interrupted = .list(firstPage)
    case .listing(let listing): interrupted = .list(listing)
    case .watching(let version, let openedAt, let isProven):
      interrupted = .watch(version: version)
      hasLasted = self.hasLasted(since: openedAt, now)
      if openedAt != nil, !hasLasted, !isProven, failure == .unreachable { shortWatchesInRow += 1 }
    case .waiting: return unchanged(now)
    }
    // The loss of a connection that lasted is the first failure of a new series. The connection of a silent watch possibly had
    // no peer, so that the series continues.
    if hasLasted, failure != .silent { forgetFailures() }
    let isFirst = failuresInRow == 0
    failuresInRow += 1
    // Versions expire in normal operation. If the list that follows fails too, that failure is reported.
    if failure != .expired { availability = .failing(failure) }
    let delay: Duration =
      switch failure {
      case .expired where hasLasted: .zero
      case .unauthorized where isFirst: .zero
      case .missing, .forbidden: accessBackoff.fail()
      case .busy(let seconds): max(backoff.fail(), min(.seconds(seconds), configuration.longestDelay))
      default: backoff.fail()
      }
    let next = work(after: failure, of: interrupted)
    if delay == .zero { return proceed(next, now) }
    let until = now.advanced(by: delay)
    state = .waiting(until: until, then: next)
    return Reaction(step: .wait(until: until))
  }

  /// Returns what to do when the time of a `wait` has come; before that time, the same wait.
  package mutating func timePassed(now: MonotonicTime) -> Reaction { unchanged(now) }

  // MARK: - Next step

  private func work(after failure: WatchFailure, of interrupted: Work) -> Work {
    switch (failure, interrupted) {
    case (.expired, .list(let listing)) where listing.request.continuation != nil:
      // Reading all pages takes longer than the server keeps a version.
      .list(Listing(request: ListRequest(continuation: nil, limit: nil)))
    // A missing resource can be created again, with other versions.
    case (.expired, _), (.unreadable, _), (.missing, _): .list(firstPage)
    // After three failures the server possibly does not know the version, because it was restored from an older state.
    case (.silent, .watch), (.behind, .watch): failuresInRow > 2 ? .list(firstPage) : interrupted
    default: interrupted
    }
  }

  private var firstPage: Listing { Listing(request: ListRequest(continuation: nil, limit: configuration.pageSize)) }

  private mutating func forgetFailures() {
    failuresInRow = 0
    shortWatchesInRow = 0
    backoff.reset()
    accessBackoff.reset()
    availability = .available
  }

  /// Whether a watch has been open for `shortestWatch`. One that was never answered has not, however long the request took.
  private func hasLasted(since openedAt: MonotonicTime?, _ now: MonotonicTime) -> Bool {
    openedAt.map { now.duration(since: $0) >= configuration.shortestWatch } ?? false
  }

  private mutating func proceed(_ work: Work, _ now: MonotonicTime) -> Reaction {
    switch work {
    case .list(let listing):
      state = .listing(listing)
      return Reaction(step: .list(listing.request))
    case .watch(let version):
      state = .watching(version: version, openedAt: nil, isProven: false)
      return Reaction(step: .watch(watchRequest(version)))
    }
  }

  private mutating func watchRequest(_ version: String) -> WatchRequest {
    let seconds = Int.random(in: configuration.watchSeconds, using: &random)
    return WatchRequest(version: version, seconds: seconds, longest: .seconds(seconds) + configuration.silenceGrace)
  }

  /// Returns the step of the current state. A wait whose time has come ends.
  private mutating func unchanged(_ now: MonotonicTime) -> Reaction {
    switch state {
    case .idle: return start(now: now)
    case .listing(let listing): return Reaction(step: .list(listing.request))
    case .watching(let version, _, _): return Reaction(step: .watch(watchRequest(version)))
    case .waiting(let until, let work):
      return now >= until ? proceed(work, now) : Reaction(step: .wait(until: until))
    }
  }
}
