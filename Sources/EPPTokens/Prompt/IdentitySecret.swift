/// What identities are made with: without it a client cannot make two prompts with one identity.
struct IdentitySecret: Sendable {
  /// Eight for the words of a step, two for each half of the identity.
  let words: InlineArray<12, UInt64>

  /// A new one, from the system's source of randomness.
  init() {
    var generator = SystemRandomNumberGenerator()
    words = InlineArray { _ in generator.next() }
  }
}
