import EPPCore
import EPPPrefixCache
import OrderedCollections

/// Groups of requests with equal prompts that arrive shortly after each other, and the endpoints that they were sent to: a value
/// without clock or lock.
///
/// A group lives as long as its members follow each other within the window. Its first member is placed by other plugins; those
/// that follow are assigned to its endpoint, up to a number of members, and then to the endpoint with the least work of the burst.
struct PromptBursts: Sendable {
  /// The limits of groups.
  struct Limits: Sendable {
    /// The longest time between two members of a group.
    var window: Duration
    /// Members of a group that one endpoint gets; nil for all of them.
    var membersPerEndpoint: Int?
    /// The largest number of groups.
    var groups: Int
    /// Whether the work of an endpoint is the tokens of its members' prompts, instead of their number.
    var countsTokens: Bool
  }

  /// A prompt, as groups see it.
  struct Prompt: Sendable, Equatable {
    /// The key of its last block, which stands for all of them.
    var whole: BlockKey
    /// The key of the block up to which groups have to agree; nil for a shorter prompt, and where groups are not kept together.
    var leading: BlockKey?
    var tokens: Int
  }

  private struct Group {
    var leading: BlockKey?
    var lastMember: MonotonicTime
    /// The endpoint of further members.
    var endpoint: EndpointSlot
    /// Members at the endpoint.
    var members = 0
    /// Work of the group by endpoint.
    var work: [EndpointSlot: Int] = [:]
  }

  private let limits: Limits
  /// Groups, the one with the oldest last member first.
  private var groups: OrderedDictionary<BlockKey, Group> = [:]
  /// Work of all groups by endpoint.
  private var work: [EndpointSlot: Int] = [:]

  /// No groups.
  init(_ limits: Limits) { self.limits = limits }

  /// The number of groups.
  var count: Int { groups.count }

  /// The candidate that a request is assigned to; nil where other plugins place it.
  mutating func assignment(of prompt: Prompt, among candidates: [EndpointSlot], now: MonotonicTime) -> EndpointSlot? {
    expire(now)
    if let group = groups[prompt.whole] {
      let isFull = limits.membersPerEndpoint.map { group.members >= $0 } ?? false
      if !isFull, candidates.contains(group.endpoint) { return group.endpoint }
      return leastBusy(candidates.filter { $0 != group.endpoint }) ?? candidates.first
    }
    guard let leading = prompt.leading else { return nil }
    // Endpoints with a prompt that begins alike, as long as they have less than their share of the burst.
    let share = Double(work.values.reduce(0, +)) / Double(max(1, candidates.count))
    let alike = Set(groups.values.filter { $0.leading == leading }.map(\.endpoint))
    return leastBusy(candidates.filter { alike.contains($0) && Double(work[$0] ?? 0) <= share })
  }

  /// Notes where a request was sent.
  mutating func note(_ prompt: Prompt, at slot: EndpointSlot, now: MonotonicTime) {
    expire(now)
    // The group moves behind the others, because it has the latest member.
    var group =
      groups.removeValue(forKey: prompt.whole) ?? Group(leading: prompt.leading, lastMember: now, endpoint: slot)
    if group.endpoint != slot { (group.endpoint, group.members) = (slot, 0) }
    group.members += 1
    group.lastMember = now
    let amount = limits.countsTokens ? prompt.tokens : 1
    group.work[slot, default: 0] += amount
    work[slot, default: 0] += amount
    groups[prompt.whole] = group
    while groups.count > limits.groups { removeOldest() }
  }

  private mutating func expire(_ now: MonotonicTime) {
    while let oldest = groups.values.first, now.duration(since: oldest.lastMember) > limits.window { removeOldest() }
  }

  private mutating func removeOldest() {
    for (slot, amount) in groups.removeFirst().value.work {
      let left = (work[slot] ?? 0) - amount
      work[slot] = left > 0 ? left : nil
    }
  }

  private func leastBusy(_ slots: [EndpointSlot]) -> EndpointSlot? {
    slots.min { (work[$0] ?? 0) < (work[$1] ?? 0) }
  }
}
