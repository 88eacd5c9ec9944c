import EPPCore
import EPPYAML
import Yams

/// The endpoints file: YAML or JSON with a list `endpoints`.
///
///     endpoints:
///     - name: engine-0
///       address: 10.0.0.7            # an IP address or a host name
///       port: 8000                   # a number, or text that holds one
///       namespace: default           # optional, as are the following
///       labels: {llm-d.ai/role: decode}
///       metricsPort: 8001
///       kvEvents: tcp://10.0.0.7:5557
///       kvReplay: tcp://10.0.0.7:5657
///
/// The keys `name`, `address`, `port`, `namespace` and `labels` are those of llm-d's file discovery, which takes IPv4 literals
/// only; here `address` may also be a host name or an IPv6 literal.
package struct EndpointsFile: Equatable, Sendable {
  /// Bytes of the largest file that is read: llm-d's limit.
  package static let largest = 1024 * 1024

  /// The valid entries, in the file's order.
  package var endpoints: [DiscoveredEndpoint]
  /// Invalid entries and ignored keys, in the order of their lines.
  package var problems: [EndpointProblem]
  /// `YAMLDocument.renamed` of the file.
  private var renamed: [String: String] = [:]

  /// Reads a file's text. Invalid entries are added to `problems`, the others are kept.
  ///
  /// - Throws: `EndpointProblem` when the text is not YAML or has no list `endpoints`, so that a broken file never empties the
  ///   pool.
  package init(_ text: String) throws(EndpointProblem) {
    endpoints = []
    problems = []
    var entries: Node.Sequence?
    let document = try Self.compose(text)
    renamed = document.renamed
    guard let root = document.root else {
      throw EndpointProblem("the file is empty; it needs a list 'endpoints'")
    }
    guard case .mapping(let mapping) = root else {
      throw EndpointProblem("a mapping with the key 'endpoints' is expected", line: Self.line(root))
    }
    for entry in try members(of: mapping) {
      let (key, value) = (entry.key, entry.value)
      guard case .scalar(let name) = key, name.string == "endpoints" else {
        problems.append(EndpointProblem("unknown key \(Self.quoted(key)); 'endpoints' is known", line: Self.line(key)))
        continue
      }
      switch value {
      case .sequence(let sequence): entries = sequence
      case .scalar(let scalar) where scalar.string.isEmpty || scalar.string == "null": entries = Node.Sequence([])
      default: throw EndpointProblem("'endpoints' has to be a list", line: Self.line(value))
      }
    }
    guard let entries else { throw EndpointProblem("the file has no list 'endpoints'", line: Self.line(root)) }
    var lines: [String: Int] = [:]
    for entry in entries {
      do throws(EndpointProblem) {
        let endpoint = try readEntry(entry)
        let identity = "\(endpoint.namespace)/\(endpoint.name)"
        if let first = lines[identity] {
          let place = first > 0 ? " on line \(first)" : ""
          throw EndpointProblem(
            "the name '\(endpoint.name)' is used already\(place); the first entry counts", line: Self.line(entry))
        }
        lines[identity] = Self.line(entry) ?? 0
        endpoints.append(endpoint)
      } catch {
        problems.append(error)
      }
    }
    // Mappings do not keep the order of their keys.
    problems.sort { ($0.line ?? 0) < ($1.line ?? 0) }
  }

  private static func compose(_ text: String) throws(EndpointProblem) -> YAMLDocument {
    do throws(YAMLProblem) {
      let document = try YAMLDocument(text)
      if let duplicate = document.duplicates.first { throw duplicate }
      return document
    } catch {
      let column = error.line == nil ? nil : error.column
      throw EndpointProblem(error.message + (column.map { ", column \($0)" } ?? ""), line: error.line)
    }
  }

  private mutating func readEntry(_ entry: Node) throws(EndpointProblem) -> DiscoveredEndpoint {
    guard case .mapping(let mapping) = entry else {
      throw EndpointProblem("an entry has to be a mapping with name, address and port", line: Self.line(entry))
    }
    var name: String?
    var namespace = "default"
    var host: String?
    var port: UInt16?
    var labels: [String: String] = [:]
    var metricsPort: UInt16?
    var kvEvents: String?
    var kvReplay: String?
    for entry in try members(of: mapping) {
      let (key, value) = (entry.key, entry.value)
      guard case .scalar(let keyScalar) = key else {
        throw EndpointProblem("a key has to be text", line: Self.line(key))
      }
      switch keyScalar.string {
      case "name": name = try Self.text(value, of: "name")
      case "namespace": namespace = try Self.text(value, of: "namespace")
      case "address": host = try Self.host(value)
      case "port": port = try Self.port(value, of: "port")
      case "metricsPort": metricsPort = try Self.port(value, of: "metricsPort")
      case "labels": labels = try readLabels(value)
      case "kvEvents": kvEvents = try Self.socket(value, of: "kvEvents")
      case "kvReplay": kvReplay = try Self.socket(value, of: "kvReplay")
      default:
        problems.append(
          EndpointProblem(
            "unknown key \(Self.quoted(key)) is ignored; known are name, namespace, address, port, labels, metricsPort, "
              + "kvEvents, kvReplay", line: Self.line(key)))
      }
    }
    guard let name else { throw EndpointProblem("an entry has no 'name'", line: Self.line(entry)) }
    guard let host else { throw EndpointProblem("entry '\(name)' has no 'address'", line: Self.line(entry)) }
    guard let port else { throw EndpointProblem("entry '\(name)' has no 'port'", line: Self.line(entry)) }
    return DiscoveredEndpoint(
      name: name, namespace: namespace, address: EndpointAddress(host: host, port: port),
      metricsAddress: metricsPort.map { EndpointAddress(host: host, port: $0) }, labels: labels, kvEvents: kvEvents,
      kvReplay: kvReplay)
  }

  private func readLabels(_ node: Node) throws(EndpointProblem) -> [String: String] {
    guard case .mapping(let mapping) = node else {
      throw EndpointProblem("'labels' has to be a mapping of text to text", line: Self.line(node))
    }
    var labels: [String: String] = [:]
    for entry in try members(of: mapping) {
      let (key, value) = (entry.key, entry.value)
      guard case .scalar(let name) = key else { throw EndpointProblem("a label has to be text", line: Self.line(key)) }
      guard case .scalar(let text) = value else {
        throw EndpointProblem("the label '\(name.string)' has to be text", line: Self.line(value))
      }
      labels[name.string] = text.string
    }
    return labels
  }

  /// Returns the entries of a mapping with its merge keys resolved.
  private func members(of mapping: Node.Mapping) throws(EndpointProblem) -> [YAMLMapping.Entry] {
    let flat = YAMLMapping(mapping, renamed: renamed)
    if let problem = flat.problems.first { throw EndpointProblem(problem.message, line: problem.line) }
    return flat.entries
  }
}
