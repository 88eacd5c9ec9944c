/// Rows of text in aligned columns. Under a header the columns after the first are numbers, aligned at the right; without
/// one the rows are names with their values, aligned at the left.
struct TextTable {
  private var rows: [[String]] = []
  private let alignsRight: Bool

  init(header: [String] = []) {
    alignsRight = !header.isEmpty
    if !header.isEmpty { rows.append(header) }
  }

  mutating func add(_ cells: String...) { rows.append(cells) }

  var text: String {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        if column > 0, alignsRight { return padding + cell }
        return column == row.count - 1 ? cell : cell + padding
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

extension Double {
  /// With a fixed number of decimals, for tables.
  func decimals(_ count: Int) -> String {
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let scaled = (self * scale).rounded()
    guard scaled.isFinite, scaled.magnitude < 1e15 else { return "\(self)" }
    let digits = String(Int64(scaled.magnitude))
    let padded = String(repeating: "0", count: max(0, count + 1 - digits.count)) + digits
    let sign = scaled < 0 ? "-" : ""
    return count == 0 ? sign + padded : sign + padded.dropLast(count) + "." + padded.suffix(count)
  }

  /// Bytes as megabytes (10^6) for tables.
  var megabytes: String { (self / 1e6).decimals(1) + " MB" }
}
