import EPPCore
import EPPYAML
import Yams

/// Readers of the values of an entry. Each throws an `EndpointProblem` that says what is expected.
extension EndpointsFile {
  /// Bytes of the longest name: the limit of Kubernetes. Names become metric labels and log text.
  private static let longestName = 253

  static func text(_ node: Node, of key: String) throws(EndpointProblem) -> String {
    guard case .scalar(let scalar) = node, node.tag.rawValue == Tag.Name.str.rawValue else {
      throw EndpointProblem("'\(key)' has to be text (put \(quoted(node)) in quotes)", line: line(node))
    }
    guard !scalar.string.isEmpty, scalar.string.utf8.count <= longestName,
      scalar.string.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
    else {
      throw EndpointProblem(
        "'\(key)' has to be 1 to \(longestName) bytes of text without control characters", line: line(node))
    }
    return scalar.string
  }

  /// Reads the value of `address`: an IP literal, with or without brackets, or a host name. Strict, because the value goes into
  /// headers.
  static func host(_ node: Node) throws(EndpointProblem) -> String {
    var host = try text(node, of: "address")
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    if isBracketed { host = String(host.dropFirst().dropLast()) }
    if IPAddress(host) != nil, !isBracketed || host.utf8.contains(0x3A) { return host }
    let isName = host.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard isName, !isBracketed else {
      throw EndpointProblem(
        "'address' \(quoted(node)) is neither an IP address nor a host name (the port has its own key)",
        line: line(node))
    }
    return host
  }

  static func port(_ node: Node, of key: String) throws(EndpointProblem) -> UInt16 {
    guard case .scalar(let scalar) = node,
      [Tag.Name.int.rawValue, Tag.Name.str.rawValue].contains(node.tag.rawValue),
      !scalar.string.isEmpty, scalar.string.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = UInt16(scalar.string), port > 0
    else { throw EndpointProblem("'\(key)' has to be a number from 1 to 65535, not \(quoted(node))", line: line(node)) }
    return port
  }

  /// Reads a ZeroMQ address: `tcp://host:port` or `ipc://path`.
  static func socket(_ node: Node, of key: String) throws(EndpointProblem) -> String {
    let text = try text(node, of: key)
    guard let scheme = ["tcp://", "ipc://"].first(where: { text.hasPrefix($0) }), text.utf8.count > scheme.utf8.count
    else { throw EndpointProblem("'\(key)' has to be tcp://host:port or ipc://path, not '\(text)'", line: line(node)) }
    return text
  }

  static func line(_ node: Node) -> Int? {
    switch node {
    case .scalar(let scalar): scalar.mark?.line
    case .mapping(let mapping): mapping.mark?.line
    case .sequence(let sequence): sequence.mark?.line
    case .alias(let alias): alias.mark?.line
    }
  }

  static func quoted(_ node: Node) -> String {
    guard case .scalar(let scalar) = node else { return "a list or mapping" }
    return "'\(scalar.string.prefix(80))'"
  }
}
