extension Double {
  /// The number as text; whole numbers without a fraction (`1`, not `1.0`).
  package var shortText: String { Int(exactly: self).map { "\($0)" } ?? "\(self)" }
}
