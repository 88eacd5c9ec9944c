import EPPCore

/// A parameter's declaration with the Swift type of its value; plugins read their arguments with it.
package struct TypedParameter<Value: Sendable>: Sendable {
  /// The declaration for readers of the file.
  package let declaration: PluginParameter
  /// The value when none is given.
  package let defaultValue: Value
  let read: @Sendable (PluginArguments.Value) -> Value?
  let write: @Sendable (Value) -> PluginArguments.Value?

  /// The key in `parameters`.
  package var key: String { declaration.key }
}

extension TypedParameter where Value == Bool {
  /// A parameter that is true or false.
  package static func boolean(_ key: String, default value: Bool, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .boolean, default: "\(value)", summary), defaultValue: value,
      read: { if case .boolean(let value) = $0 { value } else { nil } }, write: { .boolean($0) })
  }
}

extension TypedParameter where Value == Bool? {
  /// A parameter that is true or false, or not given.
  package static func boolean(_ key: String, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .boolean, summary), defaultValue: nil,
      read: { if case .boolean(let value) = $0 { value } else { nil } }, write: { $0.map { .boolean($0) } })
  }
}

extension TypedParameter where Value == Int {
  /// A whole number in a range.
  package static func integer(
    _ key: String, _ range: ClosedRange<Int>, default value: Int, _ summary: String
  ) -> Self {
    Self(
      declaration: PluginParameter(key, .integer(range), default: "\(value)", summary), defaultValue: value,
      read: { if case .integer(let value) = $0 { value } else { nil } }, write: { .integer($0) })
  }
}

extension TypedParameter where Value == Int? {
  /// A whole number in a range, or not given.
  package static func integer(_ key: String, _ range: ClosedRange<Int>, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .integer(range), summary), defaultValue: nil,
      read: { if case .integer(let value) = $0 { value } else { nil } }, write: { $0.map { .integer($0) } })
  }
}

extension TypedParameter where Value == Double {
  /// A number in a range.
  package static func number(
    _ key: String, _ range: ClosedRange<Double>, default value: Double, _ summary: String
  ) -> Self {
    Self(
      declaration: PluginParameter(key, .number(range), default: value.shortText, summary),
      defaultValue: value, read: { if case .number(let value) = $0 { value } else { nil } }, write: { .number($0) })
  }
}

extension TypedParameter where Value == Double? {
  /// A number in a range, or not given.
  package static func number(_ key: String, _ range: ClosedRange<Double>, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .number(range), summary), defaultValue: nil,
      read: { if case .number(let value) = $0 { value } else { nil } }, write: { $0.map { .number($0) } })
  }
}

extension TypedParameter where Value == Duration {
  /// A duration such as `200ms`.
  package static func duration(_ key: String, default value: Duration, as text: String, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .duration, default: text, summary), defaultValue: value,
      read: { if case .duration(let value) = $0 { value } else { nil } }, write: { .duration($0) })
  }
}

extension TypedParameter where Value == Duration? {
  /// A duration, or not given.
  package static func duration(_ key: String, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .duration, summary), defaultValue: nil,
      read: { if case .duration(let value) = $0 { value } else { nil } }, write: { $0.map { .duration($0) } })
  }
}

extension TypedParameter where Value: RawRepresentable<String> & CaseIterable {
  /// One of the words of an enumeration.
  package static func word(_ key: String, default value: Value, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .word(Value.allCases.map(\.rawValue)), default: value.rawValue, summary),
      defaultValue: value, read: { if case .text(let value) = $0 { Value(rawValue: value) } else { nil } },
      write: { .text($0.rawValue) })
  }
}

extension TypedParameter where Value == String {
  /// A text that is not empty.
  package static func text(_ key: String, default value: String, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .text, default: value, summary), defaultValue: value,
      read: { if case .text(let value) = $0 { value } else { nil } }, write: { .text($0) })
  }
}

extension TypedParameter where Value == String? {
  /// A text that is not empty, or not given.
  package static func text(_ key: String, _ summary: String) -> Self { optional(key, .text, summary) }
  /// The name of a header, or not given.
  package static func headerName(_ key: String, _ summary: String) -> Self { optional(key, .headerName, summary) }
  /// The name of a plugin with a role, or not given.
  package static func reference(_ key: String, to role: PluginRole, _ summary: String) -> Self {
    optional(key, .reference(role), summary)
  }

  private static func optional(_ key: String, _ kind: PluginParameter.Kind, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, kind, summary), defaultValue: nil,
      read: { if case .text(let value) = $0 { value } else { nil } }, write: { $0.map { .text($0) } })
  }
}

extension TypedParameter where Value == [String] {
  /// A list of texts; empty when not given.
  package static func texts(_ key: String, _ summary: String) -> Self { list(key, .texts, summary) }
  /// A list of names of headers; empty when not given.
  package static func headerNames(_ key: String, _ summary: String) -> Self { list(key, .headerNames, summary) }
  /// The names of plugins with a role; empty when not given.
  package static func references(_ key: String, to role: PluginRole, _ summary: String) -> Self {
    list(key, .references(role), summary)
  }

  private static func list(_ key: String, _ kind: PluginParameter.Kind, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, kind, summary), defaultValue: [],
      read: { if case .texts(let value) = $0 { value } else { nil } }, write: { .texts($0) })
  }
}

extension TypedParameter where Value == [String: String] {
  /// Texts by name; empty when not given.
  package static func textMap(_ key: String, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .textMap, summary), defaultValue: [:],
      read: { if case .textMap(let value) = $0 { value } else { nil } }, write: { .textMap($0) })
  }
}

extension TypedParameter where Value == [String: [String]] {
  /// Lists of texts by name; empty when not given.
  package static func textListMap(_ key: String, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .textListMap, summary), defaultValue: [:],
      read: { if case .textListMap(let value) = $0 { value } else { nil } }, write: { .textListMap($0) })
  }
}

extension TypedParameter where Value == PluginArguments? {
  /// An object with these members, or not given.
  package static func object(_ key: String, _ members: [PluginParameter], _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .object(members), summary), defaultValue: nil,
      read: { if case .object(let value) = $0 { value } else { nil } }, write: { $0.map { .object($0) } })
  }
}

extension TypedParameter where Value == [PluginArguments] {
  /// A list of objects with these members; empty when not given.
  package static func list(_ key: String, _ members: [PluginParameter], _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .list(members), summary), defaultValue: [],
      read: { if case .list(let value) = $0 { value } else { nil } }, write: { .list($0) })
  }
}
