import EPPRequests
import EPPTestKit
import Foundation
import Testing

/// Foundation's parser as a second opinion.
@Suite struct JSONFoundationTests {
  @Test(arguments: [1, 2, 3, 4]) func randomDocumentsAreAccepted(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<1500 {
      var document = RandomDocument()
      document.append(depth: 0, &generator)
      let bytes = Array(document.text.utf8)
      #expect(cursorError(bytes) == nil, "\(document.text)")
      #expect(isAcceptedByFoundation(bytes), "\(document.text)")
    }
  }

  @Test(arguments: [11, 12, 13, 14]) func changedDocumentsAreJudgedAlike(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<4000 {
      var document = RandomDocument()
      document.append(depth: 1, &generator)
      var bytes = Array(document.text.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &generator) { mutate(&bytes, &generator) }
      guard Self.isComparable(bytes) else { continue }
      let error = cursorError(bytes)
      // Foundation takes a comma before a closing bracket.
      if let error, Self.isTrailingComma(bytes, error) { continue }
      #expect(
        (error == nil) == isAcceptedByFoundation(bytes),
        "\(String(decoding: bytes, as: UTF8.self)): \(String(describing: error))")
    }
  }

  private func isAcceptedByFoundation(_ bytes: [UInt8]) -> Bool {
    (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
  }

  /// Foundation refuses surrogates that stand alone and numbers that its types do not hold, and looks for UTF-16.
  private static func isComparable(_ bytes: [UInt8]) -> Bool {
    if bytes.count < 2 || bytes.contains(0) || bytes[0] >= 0xEF { return false }
    let text = String(decoding: bytes, as: UTF8.self).lowercased()
    if text.contains("\\ud") { return false }
    return text.firstMatch(of: /[0-9]e[+-]?[0-9]{3}|[0-9]{18}/) == nil
  }

  private static func isTrailingComma(_ bytes: [UInt8], _ error: JSONError) -> Bool {
    guard error.reason == .unexpectedByte, bytes[error.offset] == 0x5D || bytes[error.offset] == 0x7D else {
      return false
    }
    return bytes[..<error.offset].last { $0 > 0x20 } == UInt8(ascii: ",")
  }
}

/// Text that is JSON, with white space, escapes and all kinds of values at random places.
struct RandomDocument {
  private(set) var text = ""

  mutating func append(depth: Int, _ generator: inout some RandomNumberGenerator) {
    space(&generator)
    switch Int.random(in: depth > 5 ? 4...9 : 0...9, using: &generator) {
    case 0, 1:
      container("{", "}", &generator) { document, generator in
        document.string(&generator)
        document.space(&generator)
        document.text += ":"
        document.append(depth: depth + 1, &generator)
      }
    case 2, 3: container("[", "]", &generator) { $0.append(depth: depth + 1, &$1) }
    case 4, 5, 6: string(&generator)
    case 7, 8:
      text += ["0", "-1", "17", "3.25", "-0.5e3", "1E-2", "1234567", "20e1"].randomElement(using: &generator) ?? "0"
    default: text += ["true", "false", "null"].randomElement(using: &generator) ?? "null"
    }
    space(&generator)
  }

  private mutating func container<Generator: RandomNumberGenerator>(
    _ open: String, _ close: String, _ generator: inout Generator,
    _ element: (inout RandomDocument, inout Generator) -> Void
  ) {
    text += open
    space(&generator)
    for index in 0..<Int.random(in: 0...4, using: &generator) {
      if index > 0 { text += "," }
      space(&generator)
      element(&self, &generator)
    }
    text += close
  }

  private mutating func space(_ generator: inout some RandomNumberGenerator) {
    if Int.random(in: 0..<5, using: &generator) == 0 {
      text += [" ", "\n", "\t ", "\r\n"].randomElement(using: &generator) ?? ""
    }
  }

  private mutating func string(_ generator: inout some RandomNumberGenerator) {
    text += "\""
    let pieces = [
      "a", "model", "role", "content", "é", "天地", "😀", "\\n", "\\\"", "\\\\", "\\u00e9", "\\u20ac", "\\/", "{", "[",
      ",", ":", " ",
      "plain text of some length",
    ]
    for _ in 0..<Int.random(in: 0...5, using: &generator) { text += pieces.randomElement(using: &generator) ?? "" }
    text += "\""
  }
}

/// One change: a byte replaced, removed or put in, or a tail cut off.
func mutate(_ bytes: inout [UInt8], _ generator: inout some RandomNumberGenerator) {
  guard !bytes.isEmpty else { return }
  let index = Int.random(in: bytes.indices, using: &generator)
  let special = Array("{}[]\",:\\u0019eE+-.tfn \n".utf8) + [0x80, 0xC2, 0xE2, 0xF0, 0xFF, 0x1F, 0x7F]
  let byte =
    Bool.random(using: &generator)
    ? special.randomElement(using: &generator) ?? 0 : UInt8.random(in: 1...255, using: &generator)
  switch Int.random(in: 0..<8, using: &generator) {
  case 0...3: bytes[index] = byte
  case 4, 5: bytes.insert(byte, at: index)
  case 6: bytes.remove(at: index)
  default: bytes.removeSubrange(index...)
  }
}
