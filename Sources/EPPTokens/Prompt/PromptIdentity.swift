/// Names a prompt: equal ones have the same tokens. Made with a secret, so that clients cannot make prompts of equal names.
struct PromptIdentity: Hashable, Sendable {
  private let first: UInt64
  private let second: UInt64

  init(_ first: UInt64, _ second: UInt64) { (self.first, self.second) = (first, second) }

  /// Which of several equal parts it belongs to.
  func part(of count: Int) -> Int { Int(truncatingIfNeeded: first % UInt64(count)) }
}
