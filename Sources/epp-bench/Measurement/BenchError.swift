/// A failure that the user can act on.
struct BenchError: Error, CustomStringConvertible {
  /// One sentence that says what is wrong and what to do.
  let description: String

  init(_ description: String) { self.description = description }
}
