package import EPPCore

/// `label-producer`: the number in a label becomes an attribute of the endpoint. Several can be configured.
package struct LabelProducer: PluginSettings {
  /// The label and the attribute; nil where the attribute is a text.
  package var attribute: LabelAttribute?

  private static let label = TypedParameter<String?>.text("label", "The endpoints' label")
  private static let attributeKey = TypedParameter<String?>.text("attributeKey", "The attribute's key")
  private static let valueType = TypedParameter<String?>.text("valueType", "number or string (string)")
  private static let number = "number"
  private static let string = "string"

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "label-producer", "Makes the number in a label an attribute of the endpoint",
    parameters: [label.declaration, attributeKey.declaration, valueType.declaration], check: check,
    parts: [
      .settings(.extractor) { arguments in
        guard let label = arguments[label], let key = arguments[attributeKey], arguments[valueType] == number else {
          return LabelProducer(attribute: nil)
        }
        return LabelProducer(attribute: LabelAttribute(label: label, key: key))
      }
    ])

  @Sendable
  private static func check(_ check: inout PluginCheck) {
    if check.arguments[label] == nil || check.arguments[attributeKey] == nil {
      check.report("\(check.type) needs the parameters 'label' and 'attributeKey'")
    }
    switch check.arguments[valueType] ?? string {
    case number: break
    case string: check.note("'\(check.type)' of texts has no effect: plugins read the labels of endpoints themselves")
    case let other: check.report(unknown: other, "valueType", among: [string, number], at: valueType.key)
    }
  }
}
