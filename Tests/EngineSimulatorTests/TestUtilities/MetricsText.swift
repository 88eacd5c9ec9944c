/// What a metrics page declares: the type of each family and the names of its labels.
struct MetricsText {
  private(set) var types: [String: String] = [:]
  private(set) var labels: [String: Set<String>] = [:]
  /// Lines that are neither comments nor `series{labels} number`, nor `series number`.
  private(set) var malformed: [String] = []

  init(_ page: String) {
    for line in page.split(separator: "\n") {
      if line.hasPrefix("# TYPE ") {
        let words = line.split(separator: " ").map(String.init)
        types[words[2]] = words[3]
      } else if !line.hasPrefix("# HELP ") {
        addSeries(String(line))
      }
    }
  }

  private mutating func addSeries(_ line: String) {
    let words = line.split(separator: " ")
    if !line.contains("{"), words.count == 2, Double(words[1]) != nil { return }
    let parts = line.split(whereSeparator: { $0 == "{" || $0 == "}" }).map(String.init)
    guard parts.count == 3, Double(parts[2].dropFirst()) != nil else {
      malformed.append(line)
      return
    }
    let suffix = ["_bucket", "_sum", "_count"].first { parts[0].hasSuffix($0) }
    let family = String(parts[0].dropLast(suffix?.count ?? 0))
    let name = types[family] == "histogram" ? family : parts[0]
    // Values hold no quotes, so names stand before every second quote.
    for (index, piece) in parts[1].split(separator: "\"", omittingEmptySubsequences: false).enumerated()
    where index % 2 == 0 && piece.hasSuffix("=") {
      labels[name, default: []].insert(piece.dropLast().trimmingPrefix(",").description)
    }
  }
}
