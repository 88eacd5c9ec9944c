/// Everything that a serving picker is started with: typed, checked, complete.
package struct ServeConfiguration: Sendable, Equatable {
  package var listening: ListeningSettings
  package var tls: TLSSettings
  package var endpoints: EndpointSettings
  package var scheduling: SchedulingSettings
  package var cache: CacheSettings
  package var limits: LimitSettings
  package var observability: ObservabilitySettings
  /// What was given and has no effect, a sentence each: logged at the start.
  package var warnings: [String]
}
