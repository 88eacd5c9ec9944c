import EPPCore
import EPPScheduling

/// The difference between a configuration and the one that replaces it while the process serves.
package struct ConfigurationChange: Sendable, Equatable {
  /// Plugins that were not there before.
  package private(set) var added: [String] = []
  /// Plugins that are not there any more.
  package private(set) var removed: [String] = []
  /// Plugins whose type or parameters are others: they start without what they remembered.
  package private(set) var restarted: [String] = []
  /// Scorers whose weight is another one, with the new weight.
  package private(set) var weights: [String] = []
  /// Whether profiles have other plugins, or the handler is another one.
  package private(set) var hasOtherProfiles = false
  /// Settings that have changed and that only a restart brings into force, one text for each.
  package private(set) var needingRestart: [String] = []

  /// Compares two configurations.
  package init(from old: ServeConfiguration, to new: ServeConfiguration) {
    let before = Self.byName(old.scheduling.scheduler)
    let after = Self.byName(new.scheduling.scheduler)
    added = after.keys.filter { before[$0] == nil }.sorted()
    removed = before.keys.filter { after[$0] == nil }.sorted()
    restarted = after.filter { name, plugin in before[name].map { $0 != plugin } ?? false }.keys.sorted()
    let weightsBefore = Self.weights(old.scheduling.scheduler)
    for (name, weight) in Self.weights(new.scheduling.scheduler).sorted(by: { $0.key < $1.key }) {
      if let earlier = weightsBefore[name], earlier != weight { weights.append("\(name)=\(weight.shortText)") }
    }
    hasOtherProfiles = Self.shape(old.scheduling.scheduler) != Self.shape(new.scheduling.scheduler)
    if old.endpoints != new.endpoints { needingRestart.append("the endpoints file and other sources of endpoints") }
    var (cacheBefore, cacheAfter) = (old.cache, new.cache)
    cacheBefore.speculates = false
    cacheAfter.speculates = false
    if cacheBefore.renderService != cacheAfter.renderService { needingRestart.append("the render service") }
    cacheAfter.renderService = cacheBefore.renderService
    if cacheBefore != cacheAfter { needingRestart.append("where the engines' KV events are") }
  }

  /// Whether nothing has changed that is in force now.
  package var isEmpty: Bool {
    added.isEmpty && removed.isEmpty && restarted.isEmpty && weights.isEmpty && !hasOtherProfiles
  }

  /// What has changed, in a few words for the log.
  package var summary: String {
    var parts: [String] = []
    if !weights.isEmpty { parts.append("weights " + weights.joined(separator: ", ")) }
    if !added.isEmpty { parts.append("new " + added.joined(separator: ", ")) }
    if !removed.isEmpty { parts.append("gone " + removed.joined(separator: ", ")) }
    if !restarted.isEmpty { parts.append("changed, and starting empty, " + restarted.joined(separator: ", ")) }
    if hasOtherProfiles, added.isEmpty, removed.isEmpty { parts.append("profiles") }
    return parts.isEmpty ? "nothing" : parts.joined(separator: "; ")
  }

  private static func byName(_ scheduler: SchedulerConfiguration) -> [String: ConfiguredPlugin] {
    Dictionary(scheduler.plugins.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  private static func weights(_ scheduler: SchedulerConfiguration) -> [String: Double] {
    var result: [String: Double] = [:]
    for profile in scheduler.profiles {
      for scorer in profile.scorers {
        result[scheduler.profiles.count > 1 ? "\(profile.name)/\(scorer.plugin.name)" : scorer.plugin.name] =
          scorer.weight
      }
    }
    return result
  }

  private static func shape(_ scheduler: SchedulerConfiguration) -> [[String]] {
    scheduler.profiles.map { [$0.name] + $0.plugins.map(\.name) } + [[scheduler.handler?.name ?? ""]]
  }
}
