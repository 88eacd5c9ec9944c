/// What one stream may cost.
package struct StreamLimits: Sendable, Equatable {
  /// Bytes of one request body; past it the client gets 413.
  package var maximumRequestBodyBytes: Int

  package init(maximumRequestBodyBytes: Int) { self.maximumRequestBodyBytes = maximumRequestBodyBytes }
}
