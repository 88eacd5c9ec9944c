/// llm-d's way from a count to a score, where less is better.
enum LowerIsBetter {
  /// (greatest - own) / (greatest - least); 1 for all when they are equal.
  static func normalize(_ values: inout [Double]) {
    guard var least = values.first else { return }
    var greatest = least
    for value in values {
      least = min(least, value)
      greatest = max(greatest, value)
    }
    for index in values.indices {
      values[index] = greatest > least ? (greatest - values[index]) / (greatest - least) : 1
    }
  }
}
