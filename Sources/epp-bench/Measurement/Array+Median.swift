extension [Double] {
  /// The median, for an even count the upper of the two middle values; 0 for an empty array.
  var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}
