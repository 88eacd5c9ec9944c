package import EPPCore

/// What was predicted of prompts in prefix caches, once for each request. Any thread may observe.
package struct PrefixPredictionSeries: Sendable {
  /// The stage for which the prompt is computed; the raw value is that of the label `endpoint_role`.
  package enum Role: String, Sendable {
    /// An endpoint that only computes prompts.
    case prefill
    /// An endpoint that computes the prompt and generates.
    case decode
  }

  /// Tokens of a prompt.
  package struct Tokens: Sendable {
    /// All of them.
    package var prompt: Int
    /// Those that the picked endpoint is expected to have cached.
    package var predicted: Int
    /// The most that any endpoint has which the picker chose among.
    package var bestPredicted: Int
    /// The most that any endpoint of the pool has.
    package var bestAvailable: Int

    package init(prompt: Int, predicted: Int, bestPredicted: Int, bestAvailable: Int) {
      self.prompt = prompt
      self.predicted = predicted
      self.bestPredicted = bestPredicted
      self.bestAvailable = bestAvailable
    }
  }

  private struct Histograms {
    var predicted: Histogram
    var prompt: Histogram
    var bestPredicted: Histogram
    var bestAvailable: Histogram
  }

  /// The value of the label `modality` for a prompt of text alone.
  private static let textAlone = "none"

  private let families: CacheFamilies
  private let plugin: [String]
  /// Those of most requests.
  private let decodingText: Histograms

  init(_ families: CacheFamilies, pluginName: String, pluginType: String) {
    self.families = families
    plugin = [pluginName, pluginType]
    decodingText = Self.histograms(families, plugin + [Role.decode.rawValue], Self.textAlone)
  }

  private static func histograms(_ families: CacheFamilies, _ labels: [String], _ modality: String) -> Histograms {
    Histograms(
      predicted: families.predictedTokens.cell(labels), prompt: families.promptTokens.cell(labels),
      bestPredicted: families.bestPredictedTokens.cell(labels + [modality]),
      bestAvailable: families.bestAvailableTokens.cell(labels + [modality]))
  }

  /// The histograms of other requests, which are absent until there is one.
  private func histograms(_ role: Role, _ media: [MediaItem]) -> Histograms {
    let modalities = Set(media.map(\.modality.rawValue)).sorted()
    return Self.histograms(
      families, plugin + [role.rawValue], modalities.isEmpty ? Self.textAlone : modalities.joined(separator: ","))
  }

  /// Observes a request.
  ///
  /// - Parameter media: its images, sounds and films; none for text alone.
  package func observe(_ tokens: Tokens, _ role: Role, media: [MediaItem]) {
    let histograms = role == .decode && media.isEmpty ? decodingText : histograms(role, media)
    histograms.predicted.observe(tokens.predicted)
    histograms.prompt.observe(tokens.prompt)
    histograms.bestPredicted.observe(tokens.bestPredicted)
    histograms.bestAvailable.observe(tokens.bestAvailable)
  }
}

/// Look-ups in the index of blocks that engines announce. Any thread may count.
package struct BlockLookupSeries: Sendable {
  private let lookups: Counter
  private let hits: Counter
  private let maximumHits: Counter
  private let latency: Histogram

  init(_ families: CacheFamilies) {
    lookups = families.indexLookups.cell([])
    hits = families.indexHits.cell([])
    maximumHits = families.indexMaximumHits.cell([])
    latency = families.indexLatency.cell([])
  }

  /// Counts a look-up.
  ///
  /// - Parameters:
  ///   - blocks: the blocks of its longest match.
  ///   - time: how long it took.
  package func count(longestMatch blocks: Int, time: Duration) {
    lookups.increment()
    hits.increment(by: blocks)
    maximumHits.increment(by: blocks)
    latency.observe(time)
  }
}

extension PickerMetrics {
  /// The series of predictions, under the plugin that makes them.
  package func prefixPredictions(pluginName: String, pluginType: String) -> PrefixPredictionSeries {
    PrefixPredictionSeries(families.cache, pluginName: pluginName, pluginType: pluginType)
  }

  /// The series of look-ups by token ids. They are on the page from the first call on: an absent family is what alerts take for
  /// events that are not followed.
  package func blockLookups() -> BlockLookupSeries { BlockLookupSeries(families.cache) }
}
