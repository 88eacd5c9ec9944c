import Crypto

/// Names a prompt: equal ones have the same tokens. Made with a secret, for prompts come from anybody.
struct PromptIdentity: Hashable, Sendable {
  private let first: UInt64
  private let second: UInt64

  init(_ code: HMAC<SHA256>.MAC) {
    var words: (UInt64, UInt64) = (0, 0)
    for (index, byte) in code.enumerated() {
      if index < 8 {
        words.0 = words.0 << 8 | UInt64(byte)
      } else if index < 16 {
        words.1 = words.1 << 8 | UInt64(byte)
      }
    }
    (first, second) = words
  }

  /// Which of several equal parts it belongs to.
  func part(of count: Int) -> Int { Int(truncatingIfNeeded: first % UInt64(count)) }
}
