import EPPConfiguration
import EPPYAML
import Yams

/// The arguments of the process as the argument parser takes them: flags of a YAML document first, which those of the command line
/// replace, and older spellings as today's.
struct SidecarArguments {
  private(set) var arguments: [String] = []
  /// Older spellings, one sentence each.
  private(set) var warnings: [String] = []

  /// Older names of flags.
  private static let renamed = [
    "vllm-port": "model-server-port", "secure-proxy": "secure-serving", "metrics-cert-path": "metrics-cert-dir",
    "connector": "kv-connector",
  ]
  /// Flags of older releases that stand for a role of another one.
  private static let roles = [
    "prefiller-use-tls": ("enable-tls", "prefiller"), "decoder-use-tls": ("enable-tls", "decoder"),
    "prefiller-tls-insecure-skip-verify": ("tls-insecure-skip-verify", "prefiller"),
    "decoder-tls-insecure-skip-verify": ("tls-insecure-skip-verify", "decoder"),
  ]

  /// - Parameter readFile: Reads the text file at a path; the description of an error that it throws says why it cannot.
  /// - Throws: `ConfigurationProblems` when the YAML cannot be read.
  init(_ given: some Sequence<String>, readFile: (String) throws -> String) throws(ConfigurationProblems) {
    let (spelled, warnings) = FlagSpelling.normalised(given)
    self.warnings = warnings
    let flags = renamed(spelled)
    arguments = try Self.document(flags, readFile: readFile).map { renamed($0, isQuiet: true) } ?? []
    arguments += flags
  }

  private mutating func renamed(_ arguments: [String], isQuiet: Bool = false) -> [String] {
    let names = Set(arguments.map { Self.name($0) })
    var result: [String] = []
    var drops = false
    for argument in arguments {
      if drops {
        drops = false
        if !argument.hasPrefix("--") { continue }
      }
      let name = Self.name(argument)
      let value = argument.dropFirst(2 + name.count)
      if let (flag, role) = Self.roles[name], argument.hasPrefix("--") {
        if value.isEmpty || GoBoolean(argument: String(value.dropFirst()))?.value == true {
          result.append("--\(flag)=\(role)")
        }
      } else if let new = Self.renamed[name], argument.hasPrefix("--") {
        // The newer flag goes before the older one.
        if names.contains(new) {
          drops = value.isEmpty
          continue
        }
        if !isQuiet, name != "vllm-port", name != "secure-proxy" {
          warnings.append("--\(name) is an old spelling: write --\(new)")
        }
        result.append("--\(new)\(value)")
      } else {
        result.append(argument)
      }
    }
    return result
  }

  /// The name of a flag without dashes and value; empty for what is no flag.
  private static func name(_ argument: String) -> String {
    argument.hasPrefix("--") ? String(argument.dropFirst(2).prefix { $0 != "=" }) : ""
  }

  // MARK: - YAML

  /// The flags of the document that the arguments name; nil for none.
  private static func document(_ arguments: [String], readFile: (String) throws -> String)
    throws(ConfigurationProblems) -> [String]?
  {
    let inline = value(of: "configuration", arguments)
    let path = value(of: "configuration-file", arguments)
    switch (inline, path) {
    case (nil, nil): return nil
    case (_?, _?):
      throw ConfigurationProblems([
        ConfigurationProblem("--configuration and --configuration-file exclude each other: give one of them")
      ])
    case (let text?, nil): return try flags(text, file: "--configuration")
    case (nil, let path?):
      let text: String
      do { text = try readFile(path) } catch {
        throw ConfigurationProblems([ConfigurationProblem("--configuration-file: \(path): \(error)")])
      }
      return try flags(text, file: path)
    }
  }

  private static func value(of name: String, _ arguments: [String]) -> String? {
    for (index, argument) in arguments.enumerated().reversed() where Self.name(argument) == name {
      let rest = argument.dropFirst(2 + name.count)
      if rest.hasPrefix("=") { return String(rest.dropFirst()).isEmpty ? nil : String(rest.dropFirst()) }
      if index + 1 < arguments.count { return arguments[index + 1].isEmpty ? nil : arguments[index + 1] }
    }
    return nil
  }

  /// The flags of a YAML document: its keys are flags, and lists are repeated ones.
  private static func flags(_ text: String, file: String) throws(ConfigurationProblems) -> [String] {
    let document: YAMLDocument
    do throws(YAMLProblem) { document = try YAMLDocument(text) } catch {
      throw ConfigurationProblems([problem(error.message, error.line, error.column, file)])
    }
    guard let root = document.root else { return [] }
    guard case .mapping(let mapping) = root else {
      throw ConfigurationProblems([problem("the document is no mapping of flags to values", nil, nil, file)])
    }
    var flags: [String] = []
    var problems: [ConfigurationProblem] = []
    for entry in YAMLMapping(mapping).entries {
      let key = entry.key.scalar?.string ?? ""
      switch entry.value {
      case .scalar(let scalar): flags.append("--\(key)=\(scalar.string)")
      case .sequence(let sequence) where sequence.allSatisfy { $0.scalar != nil }:
        flags.append("--\(key)=\(sequence.compactMap { $0.scalar?.string }.joined(separator: ","))")
      default:
        problems.append(
          problem(
            "\(key): is neither a value nor a list of values", entry.value.mark?.line, entry.value.mark?.column, file))
      }
    }
    guard problems.isEmpty else { throw ConfigurationProblems(problems) }
    return flags
  }

  private static func problem(_ message: String, _ line: Int?, _ column: Int?, _ file: String) -> ConfigurationProblem {
    let location = line.flatMap { line in column.map { ConfigurationProblem.Location(line: line, column: $0) } }
    return ConfigurationProblem(message, at: location, file: file)
  }
}
