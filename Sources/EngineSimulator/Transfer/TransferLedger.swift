package import EPPCore

/// The blocks that an engine offers to others, and those who wait for them. A value: an event with its time in, actions out.
///
/// Blocks are held until they are sent, or until their lease ends; then their name is unknown.
package struct TransferLedger: Sendable {
  /// Identifies a request for blocks.
  package struct FetchID: Hashable, Sendable {
    package var number: UInt64

    package init(_ number: UInt64) { self.number = number }
  }

  /// Why blocks are not sent.
  package enum Refusal: String, Sendable {
    /// Nobody has offered blocks under the name, or they are gone.
    case unknown = "no blocks are offered under this name"
    /// The request that was to compute the blocks has ended without them.
    case abandoned = "the request that was to compute the blocks has ended without them"
    /// The blocks have not come in time.
    case late = "the blocks were not computed in time"
  }

  /// What has to be done.
  package enum Action: Sendable, Equatable {
    /// Send blocks; then `sent` or `interrupted`.
    case send(FetchID, PromptBlocks)
    /// Answer that there are none.
    case refuse(FetchID, Refusal)
    /// Let the engine use blocks of its cache again, given by their indices.
    case release([Int])
  }

  private struct Offer {
    var blocks: PromptBlocks
    var held: [Int]
    var expiresAt: MonotonicTime
    /// Who gets the blocks at present.
    var receiver: FetchID?
  }

  private struct Waiter {
    var fetch: FetchID
    var name: String
    var deadline: MonotonicTime
  }

  private var offers: [String: Offer] = [:]
  private var waiters: [Waiter] = []
  private var sending: [FetchID: String] = [:]

  /// Number of prompts whose blocks are offered.
  package var offered: Int { offers.count }
  /// Number of requests for blocks that wait.
  package var waiting: Int { waiters.count }
  /// Number of prompts whose blocks were sent.
  package private(set) var sent = 0
  /// Number of prompts whose lease has ended before anybody came.
  package private(set) var expired = 0
  /// Number of requests for blocks that were refused.
  package private(set) var refused = 0

  package init() {}

  /// The time at which `advance` has to be called; nil when nothing is due.
  package var nextDeadline: MonotonicTime? {
    let leases = offers.values.lazy.filter { $0.receiver == nil }.map(\.expiresAt)
    return [leases.min(), waiters.lazy.map(\.deadline).min()].compactMap(\.self).min()
  }

  /// Offers the blocks of a prompt under a name. Blocks that were offered under it before are released.
  package mutating func offer(_ name: String, _ blocks: PromptBlocks, held: [Int], until expiresAt: MonotonicTime)
    -> [Action]
  {
    var actions = withdraw(name)
    offers[name] = Offer(blocks: blocks, held: held, expiresAt: expiresAt)
    guard let index = waiters.firstIndex(where: { $0.name == name }) else { return actions }
    actions += send(name, to: waiters.remove(at: index).fetch)
    return actions
  }

  /// Ends the waiting for blocks that will not be computed.
  package mutating func abandon(_ name: String) -> [Action] {
    let hopeless = waiters.filter { $0.name == name }
    waiters.removeAll { $0.name == name }
    return hopeless.map { refuse($0.fetch, .abandoned) }
  }

  /// Asks for the blocks that are offered under a name.
  ///
  /// - Parameter deadline: The time until which the blocks may come; nil when they have to be there.
  package mutating func fetch(_ fetch: FetchID, _ name: String, until deadline: MonotonicTime?) -> [Action] {
    if let offer = offers[name], offer.receiver == nil { return send(name, to: fetch) }
    guard let deadline, offers[name] == nil else { return [refuse(fetch, .unknown)] }
    waiters.append(Waiter(fetch: fetch, name: name, deadline: deadline))
    return []
  }

  /// Refuses a request for blocks.
  package mutating func lose(_ fetch: FetchID) -> [Action] { [refuse(fetch, .unknown)] }

  /// The blocks have been received: they are no longer held.
  package mutating func completed(_ fetch: FetchID) -> [Action] {
    guard let name = sending.removeValue(forKey: fetch) else { return [] }
    sent += 1
    return withdraw(name)
  }

  /// The receiver is gone. Blocks that it has not got are offered until their lease ends.
  package mutating func interrupted(_ fetch: FetchID) {
    waiters.removeAll { $0.fetch == fetch }
    if let name = sending.removeValue(forKey: fetch) { offers[name]?.receiver = nil }
  }

  /// Ends the leases and the waiting that are due.
  package mutating func advance(to now: MonotonicTime) -> [Action] {
    var actions: [Action] = []
    for (name, offer) in offers where offer.receiver == nil && offer.expiresAt <= now {
      expired += 1
      actions += withdraw(name)
    }
    let late = waiters.filter { $0.deadline <= now }
    waiters.removeAll { $0.deadline <= now }
    return actions + late.map { refuse($0.fetch, .late) }
  }

  private mutating func send(_ name: String, to fetch: FetchID) -> [Action] {
    guard let offer = offers[name] else { return [] }
    offers[name]?.receiver = fetch
    sending[fetch] = name
    return [.send(fetch, offer.blocks)]
  }

  private mutating func refuse(_ fetch: FetchID, _ reason: Refusal) -> Action {
    refused += 1
    return .refuse(fetch, reason)
  }

  private mutating func withdraw(_ name: String) -> [Action] {
    guard let offer = offers.removeValue(forKey: name) else { return [] }
    if let receiver = offer.receiver { sending[receiver] = nil }
    return [.release(offer.held)]
  }
}
