package import EPPCore

/// A change of the model's name in a body: the bytes `range` are replaced, all others stay where they are.
package struct ModelRewrite: Sendable, Equatable {
  /// The JSON string in the client's body, quotes included.
  package let range: Range<Int>
  /// The JSON string to put there.
  package let replacement: [UInt8]

  /// The change that a request needs; nil when it needs none.
  package init?(_ request: InferenceRequest) {
    guard request.targetModel != request.model, let range = request.modelRange else { return nil }
    self.range = range
    var text: [UInt8] = []
    JSONEscaping.appendString(request.targetModel, to: &text)
    replacement = text
  }
}
