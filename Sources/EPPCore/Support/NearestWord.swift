/// Suggests the word that was probably meant by a mistyped one.
package enum NearestWord {
  /// The longest word that is looked up, in characters; bounds the work.
  private static let longest = 80

  /// The word with the least edit distance to `typed`, ignoring case; the first of several. Nil when the distance exceeds a
  /// third of the word's length (one edit is always allowed), or when `typed` has more than 80 characters.
  package static func among(_ words: some Sequence<String>, to typed: String) -> String? {
    guard typed.count <= longest else { return nil }
    let typed = Array(typed.lowercased())
    var best: (word: String, distance: Int)?
    for word in words {
      let distance = distance(typed, Array(word.lowercased()))
      if distance <= max(1, word.count / 3), best.map({ distance < $0.distance }) ?? true { best = (word, distance) }
    }
    return best?.word
  }

  /// `; did you mean 'x'?`, or an empty string when no word is near.
  package static func suggestion(_ words: some Sequence<String>, for typed: String) -> String {
    among(words, to: typed).map { "; did you mean '\($0)'?" } ?? ""
  }

  /// The Levenshtein distance: insertions, deletions and replacements from one word to the other.
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (i, leftCharacter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, rightCharacter) in right.enumerated() {
        let cost = min(row[j] + 1, row[j + 1] + 1, diagonal + (leftCharacter == rightCharacter ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = cost
      }
    }
    return row[right.count]
  }
}

extension String {
  /// The string cut to at most 80 characters, for messages.
  package var shortened: String { count <= 80 ? self : prefix(77) + "..." }
}
