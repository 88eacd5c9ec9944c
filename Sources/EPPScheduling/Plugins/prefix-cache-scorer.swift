import EPPCore
import EPPPrefixCache

/// `prefix-cache-scorer`: the share of the prompt that the endpoint holds, combined with the length of the match by
/// `matchLengthWeight`: w·min(1, tokens / scale)² + (1 - w)·share. 0 for a prompt without a full block.
package struct PrefixCacheScorer: Scorer {
  /// The prefix producer; none means the whole index.
  package static let producer = ProducerParameters.prefixMatch
  /// The weight w of the match's length, 0...1.
  package static let matchLengthWeight = TypedParameter<Double>.number(
    "matchLengthWeight", 0...1, default: 0, "Weight of the match's length against its share of the prompt")
  /// The match length in tokens that gives the full score for length.
  package static let matchLengthScale = TypedParameter<Int>.integer(
    "matchLengthScaleTokens", 1...1_000_000_000, default: 8192, "Tokens of a match whose length counts in full")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "prefix-cache-scorer", "Prefers endpoints that hold much of the prompt in their KV cache",
    parameters: [producer.declaration, matchLengthWeight.declaration, matchLengthScale.declaration] + indexParameters,
    needs: { _, _ in PluginNeeds(prefixMatch: true) },
    check: { check in
      let given = indexParameters.map(\.key).filter(check.arguments.isGiven)
      guard !given.isEmpty else { return }
      check.note(
        "\(given.joined(separator: ", ")) of \(check.type) \(given.count == 1 ? "is a parameter" : "are parameters") of "
          + "\(PrefixSettings.descriptor.type) in newer files, and counts there")
    },
    migration: { plugin in
      guard indexParameters.contains(where: { plugin.arguments.isGiven($0.key) }) else { return nil }
      let producer = ConfiguredPlugin(
        PrefixSettings.descriptor, arguments: plugin.arguments.restricted(to: PrefixSettings.descriptor))
      let arguments = plugin.arguments.without(indexParameters.map(\.key))
      return PluginMigration(
        [producer, ConfiguredPlugin(plugin.descriptor, name: plugin.name, arguments: arguments)],
        "gives its parameters of the index to '\(producer.name)'")
    },
    parts: [
      .scorer { PrefixCacheScorer($0, $1) },
      .settings(.scorer) { arguments in
        indexParameters.contains { arguments.isGiven($0.key) } ? PrefixSettings(arguments) : nil
      },
    ])

  /// Parameters of the index, which older files give here.
  private static let indexParameters =
    PrefixSettings.parameters + [
      PluginParameter("hashBlockSize", .integer(1...1_000_000), "Older name of blockSizeTokens")
    ]

  private let weight: Double
  private let scale: Double
  private let view: PrefixView

  /// A scorer with these arguments.
  package init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    weight = arguments[Self.matchLengthWeight]
    scale = Double(max(1, arguments[Self.matchLengthScale]))
    view = environment.prefixView(named: arguments[Self.producer])
  }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    guard weight > 0 else {
      for index in scores.indices { scores[index] = view.ratio(context.match, context.slots[index]) }
      return
    }
    for index in scores.indices {
      let slot = context.slots[index]
      let length = min(1, Double(view.matchedTokens(context.match, slot)) / scale)
      scores[index] = weight * length * length + (1 - weight) * view.ratio(context.match, slot)
    }
  }
}
