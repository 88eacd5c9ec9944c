/// Merges the bytes of a piece of text to tokens by byte-pair encoding: repeatedly the pair with the earliest merge rule, the
/// leftmost of equal pairs.
///
/// Tokens are a linked list, and pairs are in a heap: a piece of n bytes takes O(n log n), also a megabyte without a space. The
/// storage is reused for the next piece.
struct PairMerger {
  private var tokens: [UInt32] = []
  /// Index of the next token of each token; the count for the last one.
  private var next: [Int] = []
  /// Index of the previous token of each token; -1 for the first one.
  private var previous: [Int] = []
  /// The token to which each token and its next are merged; `none` where there is no rule, and for merged tokens.
  private var joined: [UInt32] = []
  /// A min-heap of pairs: the merged token in the high half, the index of the left token in the low half.
  private var heap: [UInt64] = []

  private static let none = UInt32.max

  /// Appends the tokens of `text[range]` to the output.
  mutating func merge(
    _ text: [UInt8], _ range: Range<Int>, _ vocabulary: TokenVocabulary, into output: inout [UInt32]
  ) {
    let count = range.count
    tokens.removeAll(keepingCapacity: true)
    next.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    joined.removeAll(keepingCapacity: true)
    for index in 0..<count {
      tokens.append(UInt32(text[range.lowerBound + index]))
      next.append(index + 1)
      previous.append(index - 1)
      joined.append(Self.none)
    }
    for index in 0..<count { look(at: index, vocabulary) }
    while let pair = pop() {
      let place = Int(truncatingIfNeeded: pair & 0xFFFF_FFFF)
      let token = UInt32(truncatingIfNeeded: pair >> 32)
      // A neighbour has changed since.
      guard joined[place] == token else { continue }
      join(place, to: token, vocabulary)
    }
    var index = 0
    while index < count {
      output.append(tokens[index])
      index = next[index]
    }
  }

  private mutating func join(_ place: Int, to token: UInt32, _ vocabulary: TokenVocabulary) {
    let right = next[place]
    let after = next[right]
    tokens[place] = token
    next[place] = after
    joined[right] = Self.none
    if after < tokens.count { previous[after] = place }
    look(at: place, vocabulary)
    if previous[place] >= 0 { look(at: previous[place], vocabulary) }
  }

  /// Looks up the merge of a token and its next, and adds it to the heap.
  private mutating func look(at place: Int, _ vocabulary: TokenVocabulary) {
    let right = next[place]
    guard right < tokens.count, let token = vocabulary.joined(tokens[place], tokens[right]) else {
      joined[place] = Self.none
      return
    }
    joined[place] = token
    push(UInt64(token) << 32 | UInt64(place))
  }

  private mutating func push(_ pair: UInt64) {
    heap.append(pair)
    var index = heap.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard pair < heap[parent] else { break }
      heap[index] = heap[parent]
      index = parent
    }
    heap[index] = pair
  }

  private mutating func pop() -> UInt64? {
    guard let last = heap.popLast() else { return nil }
    guard let top = heap.first else { return last }
    var index = 0
    while true {
      var child = 2 * index + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < last else { break }
      heap[index] = heap[child]
      index = child
    }
    heap[index] = last
    return top
  }
}
