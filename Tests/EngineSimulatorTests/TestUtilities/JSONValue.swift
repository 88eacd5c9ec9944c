import FoundationEssentials

/// Any JSON, to compare which fields two answers have.
enum JSONValue: Decodable, Equatable {
  case object([String: JSONValue])
  case array([JSONValue])
  case string(String)
  case number(Double)
  case bool(Bool)
  case null

  init(_ text: String) throws { self = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// The paths of all fields, as `usage.prompt_tokens` or `choices[].index`.
  var paths: Set<String> {
    switch self {
    case .object(let fields):
      var paths: Set<String> = []
      for (name, value) in fields {
        paths.insert(name)
        for inner in value.paths { paths.insert(name + (inner.hasPrefix("[") ? "" : ".") + inner) }
      }
      return paths
    case .array(let elements):
      return Set(elements.flatMap { $0.paths.map { "[].\($0)" } })
    default: return []
    }
  }

  /// The value at a path of names and positions.
  subscript(_ path: Any...) -> JSONValue? {
    var value = self
    for step in path {
      switch (value, step) {
      case (.object(let fields), let name as String):
        guard let next = fields[name] else { return nil }
        value = next
      case (.array(let elements), let position as Int) where elements.indices.contains(position):
        value = elements[position]
      default: return nil
      }
    }
    return value
  }
}
