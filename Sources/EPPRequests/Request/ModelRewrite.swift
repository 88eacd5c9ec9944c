package import EPPCore

/// A replacement of the model's name in a body. One byte range is replaced; all other bytes stay.
package struct ModelRewrite: Sendable, Equatable {
  /// The byte range of the JSON string in the client's body, quotes included.
  package let range: Range<Int>
  /// The JSON string of the new name, quotes included.
  package let replacement: [UInt8]
  /// The size of the client's body in bytes.
  package let bodyBytes: Int

  /// - Parameters:
  ///   - range: the byte range of the model's JSON string, quotes included; inside of the body.
  ///   - bodyBytes: the size of the client's body in bytes.
  ///   - model: the new name.
  package init(range: Range<Int>, bodyBytes: Int, model: String) {
    self.range = range
    self.bodyBytes = bodyBytes
    var text: [UInt8] = []
    text.appendJSONString(model)
    replacement = text
  }

  /// The replacement that a request needs; nil when its target model is the client's, or when its body names no model.
  package init?(_ request: InferenceRequest) {
    guard request.targetModel != request.model, let range = request.modelRange else { return nil }
    self.init(range: range, bodyBytes: request.bodyBytes, model: request.targetModel)
  }

  /// The bytes before the name.
  package var prefix: Range<Int> { 0..<range.lowerBound }
  /// The bytes after the name.
  package var suffix: Range<Int> { range.upperBound..<bodyBytes }
}
