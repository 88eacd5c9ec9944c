import EPPYAML
import Yams

/// Removes secrets from what is shown of a configuration.
///
/// A secret is what stands under a key that looks like one (`password`, `apiKey`, `huggingFaceToken`), or the user's part of a URL.
/// Where a secret is stays: `tokenFile`, `secretName`.
package enum SecretRedaction {
  /// Stands for a secret.
  package static let mark = "[redacted]"
  /// Values that are looked at, at most: a few lines of nested aliases can stand for millions.
  private static let maximumNodes = 100_000

  /// Returns a configuration file as it is where nothing in it looks like a secret, else written anew without secrets and without
  /// comments, which may hold some, too.
  package static func text(_ text: String) -> String {
    guard let document = try? YAMLDocument(text), let root = document.root else {
      return looksSecret(text) ? mark : text
    }
    var budget = maximumNodes
    guard let shown = redacted(root, isSecret: false, &budget) else {
      return "\(mark): too many aliases to look for secrets"
    }
    if shown == root, !looksSecret(text) { return text }
    return (try? Yams.serialize(node: shown, allowUnicode: true)) ?? mark
  }

  /// Returns the arguments of a process without secrets; `--config-text` is shown elsewhere.
  package static func arguments(_ arguments: [String]) -> [String] {
    var result: [String] = []
    var isNextHidden = false
    for argument in arguments {
      if isNextHidden {
        result.append(mark)
        isNextHidden = false
        continue
      }
      let name = argument.prefix { $0 != "=" }
      let isHidden =
        name.hasPrefix("-")
        && (isSecret(String(name)) || name.hasSuffix("-config-text") || name.hasSuffix("-configText"))
      if isHidden, name.endIndex < argument.endIndex {
        result.append("\(name)=\(mark)")
      } else {
        result.append(withoutUser(argument))
        isNextHidden = isHidden
      }
    }
    return result
  }

  // MARK: - What is a secret

  private static let words: Set<String> = [
    "secret", "secrets", "password", "passwords", "passwd", "pwd", "passphrase", "token", "credential", "credentials",
    "bearer", "authorization", "apikey", "seed",
  ]
  /// Words before `key` that make it a secret: a key of a cache is none.
  private static let kindsOfKeys: Set<String> = [
    "api", "private", "access", "secret", "signing", "encryption", "shared", "auth", "account", "hmac",
  ]

  /// Returns whether the value of a key with this name is a secret, by the last words of the name.
  static func isSecret(_ key: String) -> Bool {
    let parts = parts(of: key)
    guard let last = parts.last else { return false }
    if words.contains(last) { return true }
    return (last == "key" || last == "keys") && parts.count > 1 && kindsOfKeys.contains(parts[parts.count - 2])
  }

  /// Returns the words of a name such as `huggingFaceToken`, `API_KEY` or `hash-seed`, in lower case.
  private static func parts(of name: String) -> [String] {
    var result: [String] = []
    var word = ""
    let characters = Array(name)
    for (index, character) in characters.enumerated() {
      let isLetter = character.isLetter || character.isNumber
      let startsWord =
        character.isUppercase
        && (!(index > 0 && characters[index - 1].isUppercase)
          || index + 1 < characters.count && characters[index + 1].isLowercase)
      if !isLetter || startsWord, !word.isEmpty {
        result.append(word)
        word = ""
      }
      if isLetter { word += character.lowercased() }
    }
    return word.isEmpty ? result : result + [word]
  }

  /// Returns whether a text has something like `password: ` anywhere, also in a comment, or a URL with a user.
  private static func looksSecret(_ text: String) -> Bool {
    withoutUser(text) != text
      || text.matches(of: /([A-Za-z0-9_.\-]+)["']?[ \t]*:/).contains { isSecret(String($0.output.1)) }
  }

  /// Returns a text whose URLs have no user and password: `redis://user:password@host` is shown as `redis://[redacted]@host`.
  private static func withoutUser(_ text: String) -> String {
    text.replacing(/:\/\/[^\s\/@"']*@/, with: "://\(mark)@")
  }

  // MARK: - YAML

  /// Returns a node without secrets; nil when the budget is used up.
  private static func redacted(_ node: Node, isSecret isHidden: Bool, _ budget: inout Int) -> Node? {
    budget -= 1
    guard budget >= 0 else { return nil }
    switch node {
    case .scalar(var scalar):
      scalar.string = isHidden ? mark : withoutUser(scalar.string)
      if isHidden { (scalar.style, scalar.tag) = (.doubleQuoted, Tag(.str)) }
      return .scalar(scalar)
    case .sequence(var sequence):
      for index in sequence.indices {
        guard let value = redacted(sequence[index], isSecret: isHidden, &budget) else { return nil }
        sequence[index] = value
      }
      return .sequence(sequence)
    case .mapping(var mapping):
      // As environment variables are written: { name: API_KEY, value: ... }.
      let isNamedSecret = mapping["name"]?.string.map { isSecret($0) } ?? false
      for (key, value) in mapping {
        let name = key.string ?? ""
        let hides = (isHidden && !isPlace(name)) || isSecret(name) || isNamedSecret && name == "value"
        guard let shown = redacted(value, isSecret: hides, &budget) else { return nil }
        mapping[key] = shown
      }
      return .mapping(mapping)
    case .alias: return node
    }
  }

  /// Returns whether a key below a secret's says where the secret is.
  private static func isPlace(_ key: String) -> Bool {
    ["file", "path", "name", "namespace"].contains(parts(of: key).last ?? "")
  }
}
