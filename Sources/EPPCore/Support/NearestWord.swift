/// Finds what somebody probably meant.
package enum NearestWord {
  /// Nobody means a longer word; bounds the work.
  private static let longest = 80

  /// The word with the least edit distance, the first of several; nil when none is nearer than a third of its length
  /// (one edit is always allowed).
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

  /// `; did you mean 'x'?`, or nothing.
  package static func suggestion(_ words: some Sequence<String>, for typed: String) -> String {
    among(words, to: typed).map { "; did you mean '\($0)'?" } ?? ""
  }

  /// Insertions, deletions and replacements from one word to the other (Levenshtein).
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
  /// What a message can hold: the first 80 characters at most.
  package var shortened: String { count <= 80 ? self : prefix(77) + "..." }
}
