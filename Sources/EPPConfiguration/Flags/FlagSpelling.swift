/// Converts the spellings of flags in older manifests and of Go programs to the spellings that the argument parser takes.
package enum FlagSpelling {
  /// Returns the arguments with converted flags, and a warning for each old spelling.
  ///
  /// `--poolName x`, `-poolName=x` and `-pool-name x` become `--pool-name`; `-v4` becomes `-v=4`; `--pool-name=` becomes
  /// `--pool-name` and an empty argument. Empty arguments that are no value of a flag are left out: Go programs ignore them, and
  /// charts write them for list items that are not set. Values, and arguments after `--`, are unchanged.
  package static func normalised(_ arguments: some Sequence<String>) -> (arguments: [String], warnings: [String]) {
    var result: [String] = []
    var warnings: [String] = []
    var isOver = false
    var takesValue = false
    for argument in arguments {
      if argument.isEmpty, !isOver, !takesValue { continue }
      takesValue = !takesValue && argument.utf8.count > 1 && argument.hasPrefix("-") && !argument.contains("=")
      // A YAML document may begin with "---", which the parser would take for a flag.
      if !isOver, result.last == "--config-text", argument.hasPrefix("-") {
        result[result.count - 1] = "--config-text=\(argument)"
        continue
      }
      isOver = isOver || argument == "--"
      let spelled = isOver ? argument : flag(argument)
      if spelled != argument, !spelled.hasPrefix("-v=") {
        let old = argument.prefix { $0 != "=" }
        let new = spelled.prefix { $0 != "=" }
        warnings.append("\(old) is an old spelling: write \(new)")
      }
      // An empty value is one to Go, and a missing one to the parser that follows.
      if !isOver, spelled.hasPrefix("--"), spelled.last == "=", spelled.firstIndex(of: "=") == spelled.indices.last {
        result += [String(spelled.dropLast()), ""]
      } else {
        result.append(spelled)
      }
    }
    return (result, warnings)
  }

  private static func flag(_ argument: String) -> String {
    let name = argument.drop { $0 == "-" }.prefix { $0 != "=" }
    let dashes = argument.utf8.count - argument.drop { $0 == "-" }.utf8.count
    guard (1...2).contains(dashes), name.utf8.count > 1, let first = name.first, first.isASCII, first.isLetter,
      name.utf8.allSatisfy({ isPartOfName($0) })
    else { return argument }
    if dashes == 1, first == "v", name.dropFirst().allSatisfy({ ("0"..."9").contains($0) }) {
      return "-v=\(name.dropFirst())"
    }
    let kebab = kebab(name)
    return dashes == 2 && kebab == name ? argument : "--\(kebab)\(argument[name.endIndex...])"
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"): true
    default: false
    }
  }

  /// Converts a name such as `kvCacheUsage` to `kv-cache-usage`.
  private static func kebab(_ name: Substring) -> String {
    var result = ""
    for character in name {
      if character.isUppercase, !result.isEmpty, result.last != "-" { result += "-" }
      result += character.lowercased()
    }
    return result
  }
}
