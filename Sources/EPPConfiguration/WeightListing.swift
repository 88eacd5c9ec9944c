import EPPCore
package import EPPScheduling

/// The output of `epp weights`: the weights of a running process, and what to write to keep them.
package enum WeightListing {
  /// Returns a table of the scorers with their weights.
  package static func table(_ report: WeightReport) -> String {
    guard !report.scorers.isEmpty else { return "no scorers: endpoints are picked at random" }
    let rows =
      [["profile", "scorer", "weight", "configured"]]
      + report.scorers.map {
        [$0.profile, $0.name, $0.weight.shortText, $0.configuredWeight.shortText]
      }
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  /// Returns how long changed weights hold, and the lines that keep them; nil when all are as configured.
  package static func advice(_ report: WeightReport) -> String? {
    let changed = report.scorers.filter { $0.weight != $0.configuredWeight }
    guard !changed.isEmpty else { return nil }
    let until = "These weights hold for this process alone, until its configuration is read again or it restarts."
    guard let source = report.source else {
      let flags = report.scorers.map { "--scorer \($0.name)=\($0.weight.shortText)" }.joined(separator: " ")
      return "\(until) To keep them, start it with\n\n\(flags)"
    }
    return """
      \(until) To keep them, write these weights into \(source):

      \(yaml(changed))
      """
  }

  /// Returns the section `schedulingProfiles` with these scorers.
  private static func yaml(_ scorers: [WeightReport.Scorer]) -> String {
    var lines = ["schedulingProfiles:"]
    var profile: String?
    for scorer in scorers {
      if scorer.profile != profile {
        lines += ["- name: \(quoted(scorer.profile))", "  plugins:"]
        profile = scorer.profile
      }
      lines += ["  - pluginRef: \(quoted(scorer.name))", "    weight: \(scorer.weight.shortText)"]
    }
    return lines.joined(separator: "\n")
  }

  /// Returns a text as YAML reads it: quoted unless it can be nothing but text.
  private static func quoted(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"): true
      default: false
      }
    }
    if isPlain, text.contains("-"), text.first != "-" { return text }
    if text == "default" { return text }
    var bytes: [UInt8] = []
    bytes.appendJSONString(text)
    return String(decoding: bytes, as: UTF8.self)
  }
}
