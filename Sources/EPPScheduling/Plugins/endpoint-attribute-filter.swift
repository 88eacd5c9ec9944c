import EPPCore

/// `endpoint-attribute-filter`: keeps the endpoints whose attribute compares to a threshold as wanted.
package struct EndpointAttributeFilter: Filter {
  /// A comparison with the threshold.
  enum Comparison: String, CaseIterable {
    case lessThan = "LessThan"
    case lessThanOrEqual = "LessThanOrEqual"
    case greaterThan = "GreaterThan"
    case greaterThanOrEqual = "GreaterThanOrEqual"
    case equal = "Equal"
    case notEqual = "NotEqual"

    func holds(_ value: Double, _ threshold: Double) -> Bool {
      switch self {
      case .lessThan: value < threshold
      case .lessThanOrEqual: value <= threshold
      case .greaterThan: value > threshold
      case .greaterThanOrEqual: value >= threshold
      case .equal: value == threshold
      case .notEqual: value != threshold
      }
    }
  }

  /// What becomes of an endpoint without the attribute.
  enum Missing: String, CaseIterable {
    case pass = "Pass"
    case fail = "Fail"
  }

  // MARK: Parameters

  private static let attribute = TypedParameter<String?>.text("attribute", "The attribute")
  private static let onMissing = TypedParameter<Missing>.word(
    "onMissing", default: .fail, "Whether endpoints without the attribute are kept")
  private static let fallback = TypedParameter<Bool>.boolean(
    "fallbackOnEmpty", default: false, "Whether all endpoints are kept when none would be")
  private static let comparison = TypedParameter<Comparison>.word(
    "operator", default: .lessThan, "How an attribute that is kept compares to the value")
  private static let value = TypedParameter<Double?>.number("value", -1e15...1e15, "The value")
  private static let threshold = TypedParameter<PluginArguments?>.object(
    "threshold", [comparison.declaration, value.declaration], "The comparison")
  private static let algorithm = TypedParameter<PluginArguments?>.object(
    "algorithm",
    [PluginParameter("type", .word(["threshold"]), "threshold"), threshold.declaration], "What is kept")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "endpoint-attribute-filter", "Keeps endpoints whose attribute is below, above or at a threshold",
    parameters: [
      attribute.declaration, onMissing.declaration, fallback.declaration, algorithm.declaration,
      PluginParameter("producer", .ignored(because: nil), "Has no effect: keys of attributes are unique"),
    ],
    check: { check in
      if !check.arguments.isGiven(attribute.key) { check.report("\(check.type) needs the parameter 'attribute'") }
      let given = check.arguments[algorithm]?[threshold]
      if given?.isGiven(comparison.key) != true || given?.isGiven(value.key) != true {
        check.report("\(check.type) needs 'algorithm.threshold' with an 'operator' and a 'value'")
      }
    },
    parts: [.filter { arguments, _ in EndpointAttributeFilter(arguments) }])

  private let key: String
  private let keepsMissing: Bool
  private let fallsBack: Bool
  private let comparison: Comparison
  private let threshold: Double

  private init(_ arguments: PluginArguments) {
    key = arguments[Self.attribute] ?? ""
    keepsMissing = arguments[Self.onMissing] == .pass
    fallsBack = arguments[Self.fallback]
    let given = arguments[Self.algorithm]?[Self.threshold] ?? PluginArguments()
    comparison = given[Self.comparison]
    threshold = given[Self.value] ?? 0
  }

  package func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    let members = context.snapshot.members
    let candidates = context.candidates
    let isWanted = { (position: Int) in
      members[candidates[position]].metrics.attributes[key].map { comparison.holds($0, threshold) } ?? keepsMissing
    }
    if fallsBack { selection.prefer(context, where: isWanted) } else { selection.keep(context, where: isWanted) }
  }
}
