extension [Double] {
  /// The value in the middle; 0 for none.
  var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}
