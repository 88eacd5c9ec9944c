package import Yams

/// The entries of a mapping, with what its merge keys (`<<`) bring: of a mapping, or of a list of mappings in which an earlier
/// one counts before a later one. What the mapping says itself counts before all of them, wherever the merge key stands; merged
/// entries are entries like others. That is what llm-d's reader makes of them.
package struct YAMLMapping {
  package struct Entry {
    package var key: Node
    package var value: Node
  }

  /// More merged mappings than this in one are refused: a few lines of anchors can stand for millions.
  private static let maximumMerges = 1000

  /// Its own ones in the order of the file, then the merged ones.
  package private(set) var entries: [Entry] = []
  /// Merge keys that have no mappings.
  package private(set) var problems: [YAMLProblem] = []

  /// - Parameter renamed: `YAMLDocument.renamed` of the document that the mapping is in.
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
    // A name that the other mapping has twice comes twice.
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

  /// A plain `<<`; with quotes it is a name.
  private static func isMerge(_ key: Node, _ renamed: [String: String]) -> Bool {
    guard case .scalar(let scalar) = key else { return false }
    if key.tag.rawValue == Tag.Name.merge.rawValue { return true }
    return scalar.style == .plain && renamed[scalar.string] == YAMLDocument.mergeKey
  }
}
