package import Yams

/// The entries of a mapping with its merge keys (`<<`) resolved, by the rules of llm-d's YAML reader.
///
/// A merge key takes a mapping, or a list of mappings in which an earlier mapping overrides a later one. The mapping's own
/// entries override merged entries, wherever the merge key stands.
package struct YAMLMapping {
  /// A key of a mapping with its value.
  package struct Entry {
    /// The key as a node; a renamed duplicate key has the name that `YAMLDocument` gave it.
    package var key: Node
    /// The value as a node.
    package var value: Node
  }

  /// Mappings that are merged into one at most: a few lines of nested anchors can stand for millions.
  private static let maximumMerges = 1000

  /// The mapping's own entries in the order of the file, then the merged entries.
  package private(set) var entries: [Entry] = []
  /// Merge keys whose value is no mapping or list of mappings, and a merge beyond `maximumMerges`.
  package private(set) var problems: [YAMLProblem] = []

  /// Reads a mapping and resolves its merge keys.
  ///
  /// - Parameter renamed: `YAMLDocument.renamed` of the document that contains the mapping.
  package init(_ mapping: Node.Mapping, renamed: [String: String] = [:]) {
    var merges = 0
    self.init(mapping, renamed, &merges)
  }

  private init(_ mapping: Node.Mapping, _ renamed: [String: String], _ merges: inout Int) {
    var merged: [Node] = []
    for (key, value) in mapping {
      if Self.isMerge(key, renamed) { merged.append(value) } else { entries.append(Entry(key: key, value: value)) }
    }
    guard !merged.isEmpty else { return }
    var names = Set(entries.compactMap { Self.name($0, renamed) })
    for node in merged {
      switch node {
      case .sequence(let list): for element in list { merge(element, &names, renamed, &merges) }
      default: merge(node, &names, renamed, &merges)
      }
    }
  }

  private mutating func merge(
    _ node: Node, _ names: inout Set<String>, _ renamed: [String: String], _ merges: inout Int
  ) {
    guard case .mapping(let mapping) = node else {
      report("'<<' takes a mapping or a list of mappings, such as *name", node)
      return
    }
    merges += 1
    guard merges <= Self.maximumMerges else {
      if merges == Self.maximumMerges + 1 { report("more than \(Self.maximumMerges) mappings are merged", node) }
      return
    }
    let other = YAMLMapping(mapping, renamed, &merges)
    problems += other.problems
    // A duplicate name of the merged mapping stays a duplicate.
    let added = other.entries.filter { entry in Self.name(entry, renamed).map { !names.contains($0) } ?? true }
    entries += added
    names.formUnion(added.compactMap { Self.name($0, renamed) })
  }

  private mutating func report(_ message: String, _ node: Node) {
    problems.append(YAMLProblem(message, line: node.mark?.line, column: node.mark?.column))
  }

  private static func name(_ entry: Entry, _ renamed: [String: String]) -> String? {
    guard case .scalar(let scalar) = entry.key else { return nil }
    return renamed[scalar.string] ?? scalar.string
  }

  /// Whether a key is the merge key: a plain `<<`. A quoted `<<` is an ordinary key.
  private static func isMerge(_ key: Node, _ renamed: [String: String]) -> Bool {
    guard case .scalar(let scalar) = key else { return false }
    if key.tag.rawValue == Tag.Name.merge.rawValue { return true }
    return scalar.style == .plain && renamed[scalar.string] == YAMLDocument.mergeKey
  }
}
