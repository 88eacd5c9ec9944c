import EPPCore

/// `by-label`: keeps the endpoints whose label has one of some values; newer files use a selector of labels.
package enum LabelValueFilter {
  private static let label = TypedParameter<String?>.text("label", "The label")
  private static let validValues = TypedParameter<[String]>.texts("validValues", "The values that the label may have")
  private static let allowsNoLabel = TypedParameter<Bool>.boolean(
    "allowsNoLabel", default: false, "Whether endpoints without the label are kept")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "by-label", removal: "use \(LabelSelectorFilter.descriptor.type)",
    "Keeps endpoints whose label has one of some values; \(LabelSelectorFilter.descriptor.type) in newer files",
    parameters: [label.declaration, validValues.declaration, allowsNoLabel.declaration],
    check: { check in
      if !check.arguments.isGiven(label.key) { check.report("\(check.type) needs the parameter 'label'") }
      if check.arguments[validValues].isEmpty, !check.arguments[allowsNoLabel] {
        check.report("\(check.type) needs 'validValues', or 'allowsNoLabel: true'")
      }
    },
    migration: { plugin in
      guard let name = plugin.arguments[label] else { return nil }
      let values = plugin.arguments[validValues]
      guard let selector = LabelSelectorFilter.arguments(name, values, orAbsent: plugin.arguments[allowsNoLabel])
      else { return nil }
      return PluginMigration(
        [ConfiguredPlugin(LabelSelectorFilter.descriptor, name: plugin.name, arguments: selector)],
        "is a \(LabelSelectorFilter.descriptor.type) now")
    },
    parts: [
      .filter { arguments, _ in
        let name = arguments[label] ?? ""
        let values = Set(arguments[validValues])
        let isKeptWithout = arguments[allowsNoLabel]
        return MemberFilter { $0.labels[name].map(values.contains) ?? isKeptWithout }
      }
    ])
}
