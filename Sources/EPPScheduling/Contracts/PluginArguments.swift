import EPPCore

/// The arguments of a plugin, checked against its declarations.
package struct PluginArguments: Sendable, Equatable {
  /// A value that was read.
  package indirect enum Value: Sendable, Equatable {
    case boolean(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case texts([String])
    case textMap([String: String])
    case textListMap([String: [String]])
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

  /// The given value; nil when none is given.
  package func value(_ key: String) -> Value? { values[key] }

  /// Sets a value that a reader has checked.
  package mutating func set(_ key: String, _ value: Value) { values[key] = value }

  /// The arguments without those with some keys.
  package func without(_ keys: [String]) -> PluginArguments {
    var result = self
    for key in keys { result.values[key] = nil }
    return result
  }

  /// The arguments whose keys another plugin type declares too.
  package func restricted(to descriptor: PluginDescriptor) -> PluginArguments {
    var result = self
    let keys = Set(descriptor.parameters.map(\.key))
    result.values = values.filter { keys.contains($0.key) }
    return result
  }
}
