/// What finding token ids may cost.
package struct TokenSourceConfiguration: Sendable {
  /// Bytes of the cache of token ids.
  package var maximumCacheBytes = 256 << 20
  /// How long token ids are used: a template may write the date, or be another one after an engine's start.
  package var maximumTokenAge = Duration.seconds(600)
  /// Prompts that engines are asked about at one time; further ones are matched by their bytes.
  package var maximumRenders = 64
  /// Bytes of those prompts' requests together, in the same way.
  package var maximumQuestionBytes = 256 << 20
  /// Bytes of a model's name; requests with a longer one are matched by their bytes.
  package var maximumModelNameBytes = 256
  /// Requests that wait for one answer; further ones are matched by their bytes.
  package var maximumWaiters = 256
  /// Conversations that are rendered twice at one time, to compare: no request waits for these. What comes while all places are
  /// taken is not compared.
  package var maximumComparisons = 8
  /// How long an engine may take for the whole of an answer, and a second more for each megabyte of the request: whoever asked
  /// goes on long before, and the answer is kept for the next request.
  package var renderTimeout = Duration.seconds(2)
  /// How long the connection to an engine may take.
  package var connectTimeout = Duration.milliseconds(500)
  /// Whether conversations that have grown are asked about by what is new in them.
  package var rendersIncrementally = true

  /// The defaults.
  package init() {}
}
