package import EPPCore

/// Keeps a picture of the objects of a kind up to date by lists and watches: one method per event, which returns what to do. No
/// I/O, no clock: times are passed in.
///
/// - All objects are listed in pages. The whole list replaces what is known at once, and only when its last page has come: what is
///   known is never dropped before.
/// - A watch goes on from the version of the list, and each later one from the last version that was told, by an object or by a
///   bookmark.
/// - A version that is no longer kept (410) makes a new list. One that expires between two pages makes a list without pages.
/// - An answer that cannot be read makes a new list, since the same watch would bring it again.
/// - After other failures the same is tried again: at once with a new token where the old one was refused, after `patientDelay`
///   where the resource is missing or forbidden, else with growing delays. A watch that has told something or has lasted long
///   enough ends the row of failures.
package struct WatchStateMachine<Resource: KubernetesResource>: Sendable {
  /// A request for a page.
  package struct ListRequest: Equatable, Sendable {
    /// Of the page before; nil for the first page.
    package var continuation: String?
    /// Objects of the page; nil for all.
    package var limit: Int?
  }

  /// A request to follow changes.
  package struct WatchRequest: Equatable, Sendable {
    /// The changes after this version are wanted.
    package var version: String
    /// How long the server is to keep the watch open.
    package var seconds: Int
    /// How long the watch may last before it counts as silent.
    package var longest: Duration
  }

  /// What to do next.
  package enum Step: Equatable, Sendable {
    case list(ListRequest)
    case watch(WatchRequest)
    /// Nothing until this time.
    case wait(until: MonotonicTime)
  }

  /// The answer to an event outside of an open watch, or to one that ends it.
  package struct Reaction: Equatable, Sendable {
    /// To be told before the step is performed.
    package var change: ResourceChange<Resource>?
    /// Whether the token has to be read again before the step is performed.
    package var rereadsToken = false
    package var step: Step
  }

  /// The answer to an event of an open watch.
  package enum EventReaction: Equatable, Sendable {
    /// The watch goes on; the change is to be told.
    case goOn(ResourceChange<Resource>?)
    /// The watch is to be closed.
    case leave(Reaction)
  }

  /// Whether the picture is kept up to date, for logs and metrics.
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

  /// What goes on after a delay.
  private enum Work: Sendable {
    case list(Listing)
    case watch(version: String)
  }

  private enum State: Sendable {
    case idle
    case listing(Listing)
    /// - since: when the server was asked.
    /// - isProven: whether the watch has told something.
    case watching(version: String, since: MonotonicTime, isProven: Bool)
    case waiting(until: MonotonicTime, then: Work)
  }

  package private(set) var availability = Availability.starting
  /// When the server last answered well; nil before.
  package private(set) var lastContact: MonotonicTime?

  private let configuration: WatchConfiguration
  private var random: SplitMix64
  private var backoff: Backoff
  private var patience: Backoff
  private var failuresInRow = 0
  private var state = State.idle

  /// - Parameter seed: of the draws that keep many pickers from asking at one time.
  package init(_ configuration: WatchConfiguration = WatchConfiguration(), seed: UInt64) {
    self.configuration = configuration
    random = SplitMix64(seed: seed)
    let place = Double.random(in: 0..<1, using: &random)
    backoff = Backoff(
      initial: configuration.firstDelay, ceiling: configuration.longestDelay, jitter: configuration.jitter, place: place
    )
    patience = Backoff(
      initial: configuration.patientDelay, ceiling: configuration.patientDelay, jitter: configuration.jitter,
      place: place)
  }

  /// The first event.
  package mutating func start(now: MonotonicTime) -> Reaction { proceed(.list(firstPage), now) }

  /// The page that was asked for is here. One that was not asked for changes nothing.
  package mutating func listed(_ page: ResourcePage<Resource>, now: MonotonicTime) -> Reaction {
    guard case .listing(var listing) = state else { return unchanged(now) }
    lastContact = now
    listing.items += page.items
    listing.unreadable.formUnion(page.unreadable.map(\.key))
    if let continuation = page.continuation {
      listing.request.continuation = continuation
      return proceed(.list(listing), now)
    }
    // Without a version a watch would begin anywhere.
    guard !page.resourceVersion.isEmpty else { return failed(.unreadable, now: now) }
    var reaction = proceed(.watch(version: page.resourceVersion), now)
    reaction.change = .replaced(listing.items, unreadable: listing.unreadable)
    return reaction
  }

  /// The server has begun to answer the watch.
  package mutating func opened(now: MonotonicTime) {
    guard case .watching = state else { return }
    lastContact = now
    availability = .available
  }

  /// The watch has told something.
  package mutating func received(_ event: WatchEvent<Resource>, now: MonotonicTime) -> EventReaction {
    guard case .watching(let version, let since, _) = state else { return .goOn(nil) }
    let told: (version: String, change: ResourceChange<Resource>?)
    switch event {
    case .error(let status): return .leave(failed(WatchFailure(status), now: now))
    case .upserted(let resource): told = (resource.metadata.resourceVersion, .upserted(resource))
    case .deleted(let resource): told = (resource.metadata.resourceVersion, .deleted(resource.key))
    case .bookmark(let version): told = (version, nil)
    case .unreadable(let object, let isDeleted):
      told = (object.metadata.resourceVersion, isDeleted ? .deleted(object.key) : nil)
    }
    lastContact = now
    forgetFailures()
    state = .watching(version: told.version.isEmpty ? version : told.version, since: since, isProven: true)
    return .goOn(told.change)
  }

  /// The watch has ended in good order.
  package mutating func ended(now: MonotonicTime) -> Reaction {
    guard case .watching(let version, let since, let isProven) = state else { return unchanged(now) }
    guard isProven || now.duration(since: since) >= configuration.shortestWatch else {
      return failed(.unreachable, now: now)
    }
    lastContact = now
    forgetFailures()
    return proceed(.watch(version: version), now)
  }

  /// The request, or the open watch, has failed.
  package mutating func failed(_ failure: WatchFailure, now: MonotonicTime) -> Reaction {
    let interrupted: Work
    var lasted = Duration.zero
    switch state {
    case .idle: interrupted = .list(firstPage)
    case .listing(let listing): interrupted = .list(listing)
    case .watching(let version, let since, _):
      interrupted = .watch(version: version)
      lasted = now.duration(since: since)
    case .waiting: return unchanged(now)
    }
    // A connection that was good for a while was not a failure when it was made; one that never told anything may be to nobody.
    if lasted >= configuration.shortestWatch, failure != .silent { forgetFailures() }
    let isFirst = failuresInRow == 0
    failuresInRow += 1
    // That versions expire is the normal course of things; a list that does not work either is told.
    if failure != .expired { availability = .failing(failure) }
    let delay: Duration =
      switch failure {
      case .expired where lasted >= configuration.shortestWatch: .zero
      case .unauthorized where isFirst: .zero
      case .missing, .forbidden: patience.fail()
      case .busy(let seconds): max(backoff.fail(), min(.seconds(seconds), configuration.longestDelay))
      default: backoff.fail()
      }
    let next = work(after: failure, of: interrupted)
    if delay == .zero {
      var reaction = proceed(next, now)
      reaction.rereadsToken = failure == .unauthorized
      return reaction
    }
    let until = now.advanced(by: delay)
    state = .waiting(until: until, then: next)
    return Reaction(rereadsToken: failure == .unauthorized, step: .wait(until: until))
  }

  /// The time of a `wait` has come. Before it, the wait goes on.
  package mutating func timePassed(now: MonotonicTime) -> Reaction { unchanged(now) }

  // MARK: - What comes next

  private func work(after failure: WatchFailure, of interrupted: Work) -> Work {
    switch (failure, interrupted) {
    case (.expired, .list(let listing)) where listing.request.continuation != nil:
      // Going through the pages takes longer than versions are kept.
      .list(Listing(request: ListRequest(continuation: nil, limit: nil)))
    // A resource that was missing may have been made anew, with versions of its own.
    case (.expired, _), (.unreadable, _), (.missing, _): .list(firstPage)
    // The version may be none of this server: it may have been restored from an older state.
    case (.silent, .watch), (.behind, .watch): failuresInRow > 2 ? .list(firstPage) : interrupted
    default: interrupted
    }
  }

  private var firstPage: Listing { Listing(request: ListRequest(continuation: nil, limit: configuration.pageSize)) }

  private mutating func forgetFailures() {
    failuresInRow = 0
    backoff.reset()
    patience.reset()
    availability = .available
  }

  private mutating func proceed(_ work: Work, _ now: MonotonicTime) -> Reaction {
    switch work {
    case .list(let listing):
      state = .listing(listing)
      return Reaction(step: .list(listing.request))
    case .watch(let version):
      state = .watching(version: version, since: now, isProven: false)
      return Reaction(step: .watch(watchRequest(version)))
    }
  }

  private mutating func watchRequest(_ version: String) -> WatchRequest {
    let seconds = Int.random(in: configuration.watchSeconds, using: &random)
    return WatchRequest(version: version, seconds: seconds, longest: .seconds(seconds) + configuration.silenceGrace)
  }

  /// The step that the state stands for.
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
