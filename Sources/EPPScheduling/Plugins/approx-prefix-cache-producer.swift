package import EPPCore
import EPPPrefixCache

/// `approx-prefix-cache-producer`: settings of the prefix index for engines that do not announce their blocks.
package struct PrefixSettings: PluginSettings {
  /// The largest number of a prompt's tokens that are looked up.
  package var maximumTokens = Self.standardMaximumTokens
  /// The size of an engine's cache in tokens, where the engine does not report it.
  package var defaultTokens = PrefixIndex.Limits.standardTokens
  /// Whether the size that the engine reports is used.
  package var learnsCacheSize = true

  /// llm-d's default: 2,048 blocks of 64 tokens.
  private static let standardMaximumTokens = 131_072

  /// The default settings.
  package init() {}

  /// Whether both assume the same sizes of engines' caches, so that one index serves both.
  package func hasSizes(of other: PrefixSettings) -> Bool {
    defaultTokens == other.defaultTokens && learnsCacheSize == other.learnsCacheSize
  }

  /// Tokens that the cache of an engine with this metrics page is taken to hold.
  package func cacheTokens(_ metrics: EndpointMetrics) -> Int {
    (learnsCacheSize ? metrics.cacheCapacityTokens : nil) ?? defaultTokens
  }

  // MARK: Parameters

  static let autoTune = TypedParameter<Bool>.boolean(
    "autoTune", default: true, "Whether an engine's own figure of its cache size is used")
  static let blockSizeTokens = TypedParameter<Int?>.integer(
    "blockSizeTokens", 1...1_000_000,
    "The size of the blocks of lruCapacityPerServer, where it is above 64; text is matched in blocks of 64 tokens")
  static let blockSize = TypedParameter<Int?>.integer(
    "blockSize", 1...1_000_000, "Has no effect: text is matched in blocks of 64 tokens")
  static let maximumPrefixTokens = TypedParameter<Int?>.integer(
    "maxPrefixTokensToMatch", 0...16_000_000,
    "Tokens of a prompt that are looked up; \(standardMaximumTokens) where it is not given, and 0 leaves it to maxPrefixBlocksToMatch"
  )
  static let maximumPrefixBlocks = TypedParameter<Int?>.integer(
    "maxPrefixBlocksToMatch", 0...250_000,
    "The same in blocks of 64 tokens, where maxPrefixTokensToMatch is 0; 0 is the whole prompt")
  static let capacityBlocks = TypedParameter<Int?>.integer(
    "lruCapacityPerServer", 1...100_000_000,
    "Blocks that an engine's cache holds, where the engine does not say; \(PrefixIndex.Limits.standardTokens) "
      + "tokens where it is not given")

  /// All parameters of the index.
  static let parameters = [
    autoTune.declaration, blockSizeTokens.declaration, blockSize.declaration, maximumPrefixTokens.declaration,
    maximumPrefixBlocks.declaration, capacityBlocks.declaration,
  ]

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "approx-prefix-cache-producer", "Remembers what was sent where, as a picture of the engines' prefix caches",
    parameters: parameters, isInjected: true,
    check: { check in
      for size in [blockSizeTokens, blockSize] {
        guard let tokens = check.arguments[size], tokens != 16, tokens != 64 else { continue }
        check.note("'\(size.key)' of \(check.type) has no effect on matching: text is matched in blocks of 64 tokens")
      }
    },
    parts: [
      .settings(.producer) { PrefixSettings($0) },
      .prefixProducer { PrefixView(maximumTokens: PrefixSettings($0).maximumTokens, .routedText) },
      .ownIndex { RoutedPrefixIndex(PrefixSettings($0), $1) },
    ])

  /// The settings that arguments give.
  init(_ arguments: PluginArguments) {
    learnsCacheSize = arguments[Self.autoTune]
    // In llm-d the default of the tokens wins over given blocks: only 0 tokens gives way to them.
    if let tokens = arguments[Self.maximumPrefixTokens] {
      // llm-d's blocks have at least 64 tokens, whatever size is set.
      let blocks = arguments[Self.maximumPrefixBlocks] ?? Self.standardMaximumTokens / 64
      maximumTokens = tokens > 0 ? tokens : blocks > 0 ? blocks * 64 : Int.max
    }
    if let blocks = arguments[Self.capacityBlocks] {
      // Its blocks have the size that is set, but at least 64 tokens.
      defaultTokens = blocks * max(64, arguments[Self.blockSizeTokens] ?? 64)
    }
  }
}
