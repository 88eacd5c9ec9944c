/// A table of text in aligned columns. With a header all columns except the first are numbers, aligned to the right; without a
/// header rows are names with values, aligned to the left.
struct TextTable {
  private var rows: [[String]] = []
  private let alignsRight: Bool

  init(header: [String] = []) {
    alignsRight = !header.isEmpty
    if !header.isEmpty { rows.append(header) }
  }

  /// Adds a row.
  mutating func add(_ cells: String...) { rows.append(cells) }

  /// The text of the table.
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
  /// Returns the number with a fixed number of decimals.
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

  /// The number of bytes in MB (10^6 bytes).
  var megabytes: String { (self / 1e6).decimals(1) + " MB" }
}
