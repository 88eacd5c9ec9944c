import EPPCore

/// A parameter of a plugin as the configuration file gives it: its key, what it may be, and what it is for.
package struct PluginParameter: Sendable {
  /// What values a parameter may have. Ranges are inclusive.
  package indirect enum Kind: Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    /// Text that is not empty.
    case text
    /// The name of an HTTP header; read in lower case.
    case headerName
    /// A Go duration such as `200ms`.
    case duration
    /// The name of a plugin with this role; an empty text counts as not given.
    case reference(PluginRole)
    case object([PluginParameter])
    case list([PluginParameter])
    /// Any value; it changes nothing. The text says why, where that is not obvious.
    case ignored(because: String?)
    /// A parameter that changes what llm-d's endpoint picker does, and that this one takes only at a value that it always has.
    case fixed(Fixed)
  }

  /// The one value that is taken.
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
  package let kind: Kind
  /// The value that holds where none is given, as one would write it; nil where there is none.
  package let defaultText: String?
  /// One sentence without a full stop.
  package let summary: String

  package init(_ key: String, _ kind: Kind, default defaultText: String? = nil, _ summary: String) {
    self.key = key
    self.kind = kind
    self.defaultText = defaultText
    self.summary = summary
  }

  /// What the parameter may be, in a few words: for `epp plugins`.
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

  /// `1`, not `1.0`.
  static func text(_ value: Double) -> String { Int(exactly: value).map { "\($0)" } ?? "\(value)" }
}

/// The declaration of a parameter together with the Swift type of its value: what a plugin reads its arguments by.
package struct TypedParameter<Value: Sendable>: Sendable {
  package let declaration: PluginParameter
  /// Holds where none is given.
  package let defaultValue: Value
  fileprivate let read: @Sendable (PluginArguments.Value) -> Value?
  fileprivate let write: @Sendable (Value) -> PluginArguments.Value?

  package var key: String { declaration.key }
}

extension TypedParameter where Value == Bool {
  package static func boolean(_ key: String, default value: Bool, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .boolean, default: "\(value)", summary), defaultValue: value,
      read: { if case .boolean(let value) = $0 { value } else { nil } }, write: { .boolean($0) })
  }
}

extension TypedParameter where Value == Bool? {
  /// A parameter that may be left open.
  package static func boolean(_ key: String, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .boolean, summary), defaultValue: nil,
      read: { if case .boolean(let value) = $0 { value } else { nil } }, write: { $0.map { .boolean($0) } })
  }
}

extension TypedParameter where Value == Int {
  package static func integer(
    _ key: String, _ range: ClosedRange<Int>, default value: Int, _ summary: String
  ) -> Self {
    Self(
      declaration: PluginParameter(key, .integer(range), default: "\(value)", summary), defaultValue: value,
      read: { if case .integer(let value) = $0 { value } else { nil } }, write: { .integer($0) })
  }
}

extension TypedParameter where Value == Int? {
  /// A parameter that may be left open.
  package static func integer(_ key: String, _ range: ClosedRange<Int>, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .integer(range), summary), defaultValue: nil,
      read: { if case .integer(let value) = $0 { value } else { nil } }, write: { $0.map { .integer($0) } })
  }
}

extension TypedParameter where Value == Double {
  package static func number(
    _ key: String, _ range: ClosedRange<Double>, default value: Double, _ summary: String
  ) -> Self {
    Self(
      declaration: PluginParameter(key, .number(range), default: PluginParameter.text(value), summary),
      defaultValue: value, read: { if case .number(let value) = $0 { value } else { nil } }, write: { .number($0) })
  }
}

extension TypedParameter where Value == String? {
  package static func text(_ key: String, _ summary: String) -> Self { optional(key, .text, summary) }
  package static func headerName(_ key: String, _ summary: String) -> Self { optional(key, .headerName, summary) }
  package static func reference(_ key: String, to role: PluginRole, _ summary: String) -> Self {
    optional(key, .reference(role), summary)
  }

  private static func optional(_ key: String, _ kind: PluginParameter.Kind, _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, kind, summary), defaultValue: nil,
      read: { if case .text(let value) = $0 { value } else { nil } }, write: { $0.map { .text($0) } })
  }
}

extension TypedParameter where Value == PluginArguments? {
  package static func object(_ key: String, _ members: [PluginParameter], _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .object(members), summary), defaultValue: nil,
      read: { if case .object(let value) = $0 { value } else { nil } }, write: { $0.map { .object($0) } })
  }
}

extension TypedParameter where Value == [PluginArguments] {
  package static func list(_ key: String, _ members: [PluginParameter], _ summary: String) -> Self {
    Self(
      declaration: PluginParameter(key, .list(members), summary), defaultValue: [],
      read: { if case .list(let value) = $0 { value } else { nil } }, write: { .list($0) })
  }
}

/// The parameters that a plugin was given, checked against its declarations.
package struct PluginArguments: Sendable, Equatable {
  package indirect enum Value: Sendable, Equatable {
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case duration(Duration)
    case object(PluginArguments)
    case list([PluginArguments])
    /// A value that changes nothing.
    case ignored
  }

  private var values: [String: Value] = [:]

  /// Nothing is given: defaults hold.
  package init() {}

  package var isEmpty: Bool { values.isEmpty }

  /// The value that is given, else the default.
  package subscript<Value>(_ parameter: TypedParameter<Value>) -> Value {
    get { values[parameter.key].flatMap(parameter.read) ?? parameter.defaultValue }
    set { values[parameter.key] = parameter.write(newValue) }
  }

  /// Whether a value is given, the default or another.
  package func isGiven(_ key: String) -> Bool { values[key] != nil }

  /// Enters what a reader has checked.
  package mutating func set(_ key: String, _ value: Value) { values[key] = value }

  /// Those that another plugin type has as well, by their keys.
  package func restricted(to descriptor: PluginDescriptor) -> PluginArguments {
    var result = self
    let keys = Set(descriptor.parameters.map(\.key))
    result.values = values.filter { keys.contains($0.key) }
    return result
  }
}
