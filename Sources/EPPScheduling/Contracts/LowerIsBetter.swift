/// llm-d's normalisation of counts to scores, for counts where less is better.
enum LowerIsBetter {
  /// Replaces each value by (greatest - value) / (greatest - least); by 1 when all are equal.
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
