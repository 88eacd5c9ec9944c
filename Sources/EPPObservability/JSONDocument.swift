import FoundationEssentials

/// Writes values as the JSON documents that the admin server shows.
package enum JSONDocument {
  /// Returns the bytes of a value, indented, with sorted keys and a line end; times as in RFC 3339.
  ///
  /// - Parameter value: A value whose numbers are finite; anything else is an error of the program.
  package static func bytes(of value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = (try? encoder.encode(value)) ?? Data("null".utf8)
    return Array(data) + [0x0A]
  }
}
