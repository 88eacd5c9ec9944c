import EPPCore

/// The declaration of a plugin's parameter: its key, its possible values, and its purpose.
package struct PluginParameter: Sendable {
  /// The possible values of a parameter. Ranges are inclusive.
  package indirect enum Kind: Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    /// A text; an empty one counts as not given.
    case text
    /// The name of an HTTP header; read in lower case.
    case headerName
    /// A Go duration such as `200ms`; an empty text counts as not given.
    case duration
    /// The name of a plugin with this role; an empty text counts as not given.
    case reference(PluginRole)
    case object([PluginParameter])
    case list([PluginParameter])
    /// Any value; it has no effect. The text says why, where that is not obvious.
    case ignored(because: String?)
    /// A parameter that changes what llm-d's endpoint picker does, and that is accepted only with the one value that is
    /// supported.
    case fixed(Fixed)

    /// Whether an empty text stands for the default, as Go's zero value does.
    package var takesEmptyTextAsAbsent: Bool {
      switch self {
      case .text, .duration, .reference: true
      default: false
      }
    }
  }

  /// The one accepted value.
  package enum Fixed: Sendable {
    /// Not given, or empty; `instead` says what to use.
    case unset(instead: String?)
    case boolean(Bool)
    case number(Double)
    case duration(Duration)
    /// One of these texts.
    case text([String])
  }

  /// The key in `parameters`.
  package let key: String
  /// The possible values.
  package let kind: Kind
  /// The default value as it is written in a file; nil where there is none.
  package let defaultText: String?
  /// A one-sentence description without a full stop.
  package let summary: String

  package init(_ key: String, _ kind: Kind, default defaultText: String? = nil, _ summary: String) {
    self.key = key
    self.kind = kind
    self.defaultText = defaultText
    self.summary = summary
  }

  /// The possible values in a few words, for `epp plugins`.
  package var domain: String {
    switch kind {
    case .boolean: "true or false"
    case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .number(let range): "\(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))"
    case .text: "text"
    case .headerName: "name of a header"
    case .duration: "duration"
    case .reference(let role): "name of a \(role.rawValue)"
    case .object(let members): "object of \(members.map(\.key).joined(separator: ", "))"
    case .list(let members): "list of objects of \(members.map(\.key).joined(separator: ", "))"
    case .ignored: "anything (no effect)"
    case .fixed(.unset): "not supported"
    case .fixed(.boolean(let value)): "\(value) only"
    case .fixed(.number(let value)): "\(Self.text(value)) only"
    case .fixed(.duration(let value)): "\(value.wholeMilliseconds)ms only"
    case .fixed(.text(let values)): "\(values.joined(separator: " or ")) only"
    }
  }

  /// A number as text; whole numbers without a fraction (`1`, not `1.0`).
  static func text(_ value: Double) -> String { Int(exactly: value).map { "\($0)" } ?? "\(value)" }
}

/// A parameter's declaration with the Swift type of its value; plugins read their arguments with it.
package struct TypedParameter<Value: Sendable>: Sendable {
  /// The declaration for readers of the file.
  package let declaration: PluginParameter
  /// The value when none is given.
  package let defaultValue: Value
  fileprivate let read: @Sendable (PluginArguments.Value) -> Value?
  fileprivate let write: @Sendable (Value) -> PluginArguments.Value?

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
      declaration: PluginParameter(key, .number(range), default: PluginParameter.text(value), summary),
      defaultValue: value, read: { if case .number(let value) = $0 { value } else { nil } }, write: { .number($0) })
  }
}

extension TypedParameter where Value == String? {
  /// A text, or not given.
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

extension TypedParameter where Value == Duration? {
  /// A duration, or not given.
  package static func duration(_ key: String, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .duration, summary), defaultValue: nil,
      read: { if case .duration(let value) = $0 { value } else { nil } }, write: { $0.map { .duration($0) } })
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

/// The arguments of a plugin, checked against its declarations.
package struct PluginArguments: Sendable, Equatable {
  /// A value that was read.
  package indirect enum Value: Sendable, Equatable {
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case duration(Duration)
    case object(PluginArguments)
    case list([PluginArguments])
    /// A value without effect.
    case ignored
  }

  private var values: [String: Value] = [:]

  /// No arguments: all defaults.
  package init() {}

  /// Whether no argument is given.
  package var isEmpty: Bool { values.isEmpty }

  /// The given value, else the default.
  package subscript<Value>(_ parameter: TypedParameter<Value>) -> Value {
    get { values[parameter.key].flatMap(parameter.read) ?? parameter.defaultValue }
    set { values[parameter.key] = parameter.write(newValue) }
  }

  /// Whether a value is given, even if it is the default.
  package func isGiven(_ key: String) -> Bool { values[key] != nil }

  /// Sets a value that a reader has checked.
  package mutating func set(_ key: String, _ value: Value) { values[key] = value }

  /// The arguments whose keys another plugin type declares too.
  package func restricted(to descriptor: PluginDescriptor) -> PluginArguments {
    var result = self
    let keys = Set(descriptor.parameters.map(\.key))
    result.values = values.filter { keys.contains($0.key) }
    return result
  }
}
