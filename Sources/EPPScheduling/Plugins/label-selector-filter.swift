import EPPCore

/// `label-selector-filter`: keeps the endpoints whose labels a selector of Kubernetes matches.
package enum LabelSelectorFilter {
  /// An operator of `matchExpressions`.
  enum Operator: String, CaseIterable {
    case isIn = "In"
    case isNotIn = "NotIn"
    case exists = "Exists"
    case doesNotExist = "DoesNotExist"
  }

  // MARK: Parameters

  private static let matchLabels = TypedParameter<[String: String]>.textMap(
    "matchLabels", "Labels with the values that an endpoint has to have")
  private static let key = TypedParameter<String?>.text("key", "The label")
  private static let condition = TypedParameter<String?>.text("operator", "The operator")
  private static let values = TypedParameter<[String]>.texts("values", "The values")
  private static let matchExpressions = TypedParameter<[PluginArguments]>.list(
    "matchExpressions",
    [
      key.declaration, PluginParameter("operator", .word(Operator.allCases.map(\.rawValue)), "The operator"),
      values.declaration,
    ], "Conditions that all have to hold")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "label-selector-filter", olderNames: ["by-label-selector"], "Keeps endpoints that a label selector matches",
    parameters: [matchLabels.declaration, matchExpressions.declaration], check: check,
    parts: [
      .filter { arguments, _ in
        let selector = selector(arguments)
        return MemberFilter { selector.matches($0.labels) }
      }
    ])

  @Sendable
  private static func check(_ check: inout PluginCheck) {
    for (index, expression) in check.arguments[matchExpressions].enumerated() {
      let name = expression[condition]
      for needed in [key.key, condition.key] where !expression.isGiven(needed) {
        check.report("an expression needs '\(needed)'", at: matchExpressions.key, "\(index)")
      }
      guard let word = name.flatMap({ Operator(rawValue: $0) }) else { continue }
      let takesValues = word == .isIn || word == .isNotIn
      if takesValues, expression[values].isEmpty {
        check.report("the operator \(word.rawValue) needs 'values'", at: matchExpressions.key, "\(index)")
      } else if !takesValues, !expression[values].isEmpty {
        check.report("the operator \(word.rawValue) has no 'values'", at: matchExpressions.key, "\(index)")
      }
    }
  }

  /// The arguments that keep endpoints whose label has one of some values, or, where there are no values, those without the label;
  /// nil where both are kept, which no selector says.
  static func arguments(_ label: String, _ allowed: [String], orAbsent: Bool) -> PluginArguments? {
    guard allowed.isEmpty || !orAbsent else { return nil }
    var expression = PluginArguments()
    expression[key] = label
    expression[condition] = (allowed.isEmpty ? Operator.doesNotExist : .isIn).rawValue
    if !allowed.isEmpty { expression[values] = allowed }
    var result = PluginArguments()
    result[matchExpressions] = [expression]
    return result
  }

  /// The selector that arguments without problems make.
  private static func selector(_ arguments: PluginArguments) -> LabelSelector {
    var terms = arguments[matchLabels].map { LabelSelector.Term(label: $0.key, .isIn([$0.value])) }
    for expression in arguments[matchExpressions] {
      guard let label = expression[key],
        let word = expression[condition].flatMap({ Operator(rawValue: $0) })
      else { continue }
      let values = Set(expression[values])
      let condition: LabelSelector.Condition =
        switch word {
        case .isIn: .isIn(values)
        case .isNotIn: .isNotIn(values)
        case .exists: .exists
        case .doesNotExist: .isAbsent
        }
      terms.append(LabelSelector.Term(label: label, condition))
    }
    return LabelSelector(terms)
  }
}
