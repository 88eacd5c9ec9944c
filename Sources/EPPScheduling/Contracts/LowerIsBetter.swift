/// llm-d's normalisation of counts to scores, for counts where less is better.
enum LowerIsBetter {
  /// Replaces each value by (greatest - value) / (greatest - least); by 1 when all are equal.
  static func normalize(_ values: inout MutableSpan<Double>) {
    var (least, greatest) = (Double.infinity, -Double.infinity)
    for index in values.indices {
      least = min(least, values[index])
      greatest = max(greatest, values[index])
    }
    for index in values.indices {
      values[index] = greatest > least ? (greatest - values[index]) / (greatest - least) : 1
    }
  }
}
