import EPPCore

/// `endpoint-attribute-scorer`: the place of an endpoint's attribute between the least and the greatest, as a number from 0 to 1, the
/// lower or the higher the better. The range is that of the candidates, or a fixed one, whose ends count for what is beyond them. An
/// endpoint without the attribute gets 0; candidates with equal values get 1.
package struct EndpointAttributeScorer: Scorer {
  /// Which values are better.
  enum Kind: String, CaseIterable {
    case lowerIsBetter = "linear_lower_is_better"
    case higherIsBetter = "linear_higher_is_better"
  }

  // MARK: Parameters

  private static let key = TypedParameter<String?>.text("attributeKey", "The attribute")
  private static let minimum = TypedParameter<Double?>.number("min", -1e15...1e15, "The least value")
  private static let maximum = TypedParameter<Double?>.number("max", -1e15...1e15, "The greatest value")
  private static let fixedRange = TypedParameter<PluginArguments?>.object(
    "fixedRange", [minimum.declaration, maximum.declaration], "A range of its own")
  private static let adaptiveRange = TypedParameter<PluginArguments?>.object(
    "adaptiveRange", [], "The range of the candidates' values, which is the default")
  private static let normalization = TypedParameter<PluginArguments?>.object(
    "normalization", [adaptiveRange.declaration, fixedRange.declaration], "The range in which values are placed")
  private static let kind = TypedParameter<Kind>.word(
    "type", default: .lowerIsBetter, "Whether lower or higher values are better")
  private static let algorithm = TypedParameter<PluginArguments?>.object(
    "algorithm", [kind.declaration, normalization.declaration], "How values become scores")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "endpoint-attribute-scorer", "Prefers endpoints with a low or a high value of an attribute",
    parameters: [
      key.declaration, algorithm.declaration,
      PluginParameter("producer", .ignored(because: nil), "Has no effect: keys of attributes are unique"),
    ],
    check: { check in
      if !check.arguments.isGiven(key.key) { check.report("\(check.type) needs the parameter '\(key.key)'") }
      guard let given = check.arguments[algorithm]?[normalization] else { return }
      let path = [algorithm.key, normalization.key]
      if given.isGiven(fixedRange.key), given.isGiven(adaptiveRange.key) {
        check.report("adaptiveRange and fixedRange exclude each other", at: path)
      }
      guard let range = given[fixedRange] else { return }
      if let low = range[minimum], let high = range[maximum], low < high { return }
      check.report("fixedRange needs 'min' and a greater 'max'", at: path + [fixedRange.key])
    },
    parts: [.scorer { arguments, _ in EndpointAttributeScorer(arguments) }])

  private let key: String
  private let isHigherBetter: Bool
  private let range: (low: Double, high: Double)?

  private init(_ arguments: PluginArguments) {
    key = arguments[Self.key] ?? ""
    let algorithm = arguments[Self.algorithm] ?? PluginArguments()
    isHigherBetter = algorithm[Self.kind] == .higherIsBetter
    let fixed = algorithm[Self.normalization]?[Self.fixedRange]
    range = fixed.flatMap { fixed in
      fixed[Self.minimum].flatMap { low in fixed[Self.maximum].map { (low, $0) } }
    }
  }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    let all = context.snapshot.members
    let members = all.span
    var place = 0
    var (low, high) = (Double.infinity, -Double.infinity)
    for position in scores.indices {
      guard let value = members[context.candidates[position]].metrics.attributes.value(key, at: &place) else {
        scores[position] = .nan
        continue
      }
      scores[position] = value
      low = min(low, value)
      high = max(high, value)
    }
    if let range { (low, high) = range }
    // A score that is no number counts as 0.
    for position in scores.indices where !scores[position].isNaN {
      guard low < high else {
        scores[position] = 1
        continue
      }
      let share = min(1, max(0, (scores[position] - low) / (high - low)))
      scores[position] = isHigherBetter ? share : 1 - share
    }
  }
}
