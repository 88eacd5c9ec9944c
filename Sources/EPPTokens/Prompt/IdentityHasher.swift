import EPPCore

/// Makes the identity of a prompt out of its parts, 64 bytes a step: 5 ns each, where SHA-256 takes 45.
///
/// The mixing step is that of the wyhash family, the 128-bit product of two words folded to 64; every word meets a secret one
/// before. Two chains that share the products of a step make 128 bits.
struct IdentityHasher: Sendable {
  private static let stepBytes = 64

  private let secret: IdentitySecret
  private var first: UInt64
  private var second: UInt64

  init(_ secret: IdentitySecret) {
    self.secret = secret
    first = secret.words[0]
    second = secret.words[1]
  }

  /// What all parts so far are called.
  var identity: PromptIdentity { PromptIdentity(first, second) }

  /// Adds a part. Its length goes first, so that no two lists of parts run into the same bytes.
  mutating func update(_ bytes: RawSpan) {
    update(UInt64(bytes.byteCount))
    var offset = 0
    while offset + Self.stepBytes <= bytes.byteCount {
      step(bytes, offset)
      offset += Self.stepBytes
    }
    guard offset < bytes.byteCount else { return }
    var rest = InlineArray<64, UInt8>(repeating: 0)
    for position in offset..<bytes.byteCount {
      rest[position - offset] = unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
    }
    unsafe step(rest.span.bytes, 0)
  }

  /// Adds a number.
  mutating func update(_ word: UInt64) { chain(word, word) }

  /// - Precondition: there are 64 bytes from `offset` on.
  @inline(__always)
  private mutating func step(_ bytes: RawSpan, _ offset: Int) {
    @inline(__always) func product(_ index: Int) -> UInt64 {
      let left = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8 * index, as: UInt64.self)
      let right = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8 * index + 8, as: UInt64.self)
      return foldedProduct(left ^ secret.words[index], right ^ secret.words[index + 1])
    }
    let (one, two, three, four) = (product(0), product(2), product(4), product(6))
    chain((one ^ two) &+ (three ^ four), (one ^ three) &- (two ^ four))
  }

  @inline(__always)
  private mutating func chain(_ left: UInt64, _ right: UInt64) {
    first = foldedProduct(first ^ secret.words[8], left ^ secret.words[9])
    second = foldedProduct(second ^ secret.words[10], right ^ secret.words[11])
  }
}

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

/// Names a prompt: equal ones have the same tokens. Made with a secret, for prompts come from anybody.
struct PromptIdentity: Hashable, Sendable {
  private let first: UInt64
  private let second: UInt64

  init(_ first: UInt64, _ second: UInt64) { (self.first, self.second) = (first, second) }

  /// Which of several equal parts it belongs to.
  func part(of count: Int) -> Int { Int(truncatingIfNeeded: first % UInt64(count)) }
}
