package import EPPCore

/// Limits of finding token ids. A prompt beyond a limit is matched by its bytes.
package struct TokenSourceConfiguration: Sendable {
  /// Bytes of the cache of token ids at most.
  package var maximumCacheBytes = 256 << 20
  /// Age up to which cached token ids are used: a template may write the date, or differ after an engine's restart.
  package var maximumTokenAge = Duration.seconds(600)
  /// Prompts that are rendered at one time at most.
  package var maximumRenders = 64
  /// Bytes at most of all bodies that are being rendered.
  package var maximumQuestionBytes = 256 << 20
  /// Bytes of a model's name at most.
  package var maximumModelNameBytes = 256
  /// Requests that wait for one rendering at most.
  package var maximumWaiters = 256
  /// Comparisons of incremental with whole rendering in progress at most; further conversations are not compared. No request
  /// waits for a comparison.
  package var maximumComparisons = 8
  /// How long an engine may take for a complete answer, plus a second per megabyte of the request. Requests wait less long; a
  /// late answer is cached.
  package var renderTimeout = Duration.seconds(2)
  /// How long connecting to an engine may take.
  package var connectTimeout = Duration.milliseconds(500)
  /// A service that is asked before the engines; nil for none.
  package var service: Service?
  /// Whether only the new messages of a conversation are rendered where this gives the tokens of the whole.
  package var rendersIncrementally = true

  /// A service that renders prompts as the engines do.
  package struct Service: Sendable, Equatable {
    /// Where it listens.
    package var address: EndpointAddress
    /// Whether it speaks TLS.
    package var isSecure: Bool

    package init(address: EndpointAddress, isSecure: Bool) {
      self.address = address
      self.isSecure = isSecure
    }
  }

  /// Makes a configuration of the default values.
  package init() {}
}
