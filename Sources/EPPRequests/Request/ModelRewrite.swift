package import EPPCore

/// A change of the model's name in a body: the bytes of one range are replaced, all others stay where they are.
package struct ModelRewrite: Sendable, Equatable {
  /// The JSON string in the client's body, quotes included.
  package let range: Range<Int>
  /// The JSON string to put there.
  package let replacement: [UInt8]
  /// Bytes of the client's body.
  package let bodyBytes: Int

  /// - Parameters:
  ///   - range: where the JSON string of the model stands, quotes included; inside of the body.
  ///   - bodyBytes: bytes of the client's body.
  ///   - model: the name to put there.
  package init(range: Range<Int>, bodyBytes: Int, model: String) {
    self.range = range
    self.bodyBytes = bodyBytes
    var text: [UInt8] = []
    text.appendJSONString(model)
    replacement = text
  }

  /// The change that a request needs; nil when it needs none, or when its body names no model.
  package init?(_ request: InferenceRequest) {
    guard request.targetModel != request.model, let range = request.modelRange else { return nil }
    self.init(range: range, bodyBytes: request.bodyBytes, model: request.targetModel)
  }

  /// What stays before the name.
  package var prefix: Range<Int> { 0..<range.lowerBound }
  /// What stays behind the name.
  package var suffix: Range<Int> { range.upperBound..<bodyBytes }
}
