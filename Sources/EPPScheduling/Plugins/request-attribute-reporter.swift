import EPPCore

/// `request-attribute-reporter`: gives the gateway a number that is computed from an answer's token counts, as dynamic metadata
/// with the end of the answer, for rate limits and logs. A value of 0 is not given, as in llm-d.
package struct AttributeReporter: RequestObserver {
  // MARK: Parameters

  private static let namespace = TypedParameter<String>.text(
    "namespace", default: "envoy.lb", "The namespace of the metadata")
  private static let name = TypedParameter<String?>.text("name", "The key in the namespace")
  private static let key = TypedParameter<PluginArguments?>.object(
    "key", [namespace.declaration, name.declaration], "Where the number goes")
  private static let expression = TypedParameter<String?>.text(
    "expression", "The number, in CEL over usage, such as usage.prompt_tokens + 2 * usage.completion_tokens")
  private static let condition = TypedParameter<String?>.text(
    "condition", "When the number is given, in CEL over usage; always where it is not given")
  private static let attributes = TypedParameter<[PluginArguments]>.list(
    "attributes", [key.declaration, expression.declaration, condition.declaration], "One attribute")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "request-attribute-reporter", "Gives the gateway a number made from an answer's token counts, as dynamic metadata",
    parameters: [attributes.declaration], check: check,
    parts: [.observer { arguments, _ in AttributeReporter(arguments) }])

  @Sendable
  private static func check(_ check: inout PluginCheck) {
    let given = check.arguments[attributes]
    guard given.count == 1, let attribute = given.first else {
      return check.report("\(check.type) needs 'attributes' with one entry", at: attributes.key)
    }
    if attribute[key]?[name] == nil { check.report("an attribute needs 'key' with a 'name'", at: attributes.key, "0") }
    if attribute[expression] == nil { check.report("an attribute needs an 'expression'", at: attributes.key, "0") }
    for parameter in [expression, condition] {
      guard let text = attribute[parameter] else { continue }
      do {
        _ = try UsageExpression(text)
      } catch {
        check.report(
          "\(parameter.key), character \(error.offset + 1): \(error.message)", at: attributes.key, "0", parameter.key
        )
      }
    }
  }

  private let namespace: String
  private let name: String
  private let expression: UsageExpression?
  private let condition: UsageExpression?

  private init(_ arguments: PluginArguments) {
    let attribute = arguments[Self.attributes].first ?? PluginArguments()
    let key = attribute[Self.key] ?? PluginArguments()
    namespace = key[Self.namespace]
    name = key[Self.name] ?? ""
    expression = attribute[Self.expression].flatMap { try? UsageExpression($0) }
    condition = attribute[Self.condition].flatMap { try? UsageExpression($0) }
  }

  package func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects) {
    effects.followers.append(Follower(self))
  }

  /// The attribute of an answer; nil where there is none.
  func attribute(_ usage: TokenUsage) -> ReportedAttribute? {
    if let condition, condition.value(usage) != .boolean(true) { return nil }
    guard case .number(let number)? = expression?.value(usage), number.isFinite else { return nil }
    let whole = number.rounded(.towardZero)
    return whole == 0 ? nil : ReportedAttribute(namespace: namespace, name: name, value: whole)
  }

  private final class Follower: RequestFollower {
    private let reporter: AttributeReporter

    init(_ reporter: AttributeReporter) { self.reporter = reporter }

    func answered(_ usage: TokenUsage, _ attributes: inout [ReportedAttribute]) {
      if let attribute = reporter.attribute(usage) { attributes.append(attribute) }
    }
  }
}
