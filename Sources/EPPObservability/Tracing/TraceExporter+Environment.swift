package import EPPCore
package import EPPMetrics
package import Logging

extension TraceExporter {
  /// Makes the exporter that OpenTelemetry's environment variables describe; nil when they switch tracing off, or name a
  /// certificate that cannot be used. What is wrong with them is logged: tracing never stops a start.
  ///
  /// `finish` has to be called at the end.
  ///
  /// - Parameters:
  ///   - service: the name of the process, unless a variable names another.
  ///   - scope: the name and the version of the program.
  package static func make(
    _ environment: [String: String], service: String, scope: (name: String, version: String), series: TraceSeries,
    logger: Logger, now: @escaping @Sendable () -> MonotonicTime
  ) -> TraceExporter? {
    let (settings, warnings) = TraceSettings.read(environment, service: service, version: scope.version)
    for warning in warnings { logger.warning("\(warning)") }
    guard let settings else {
      logger.info("the environment switches traces off")
      return nil
    }
    let transport: any TraceTransport
    switch settings.destination {
    case .console: transport = ConsoleTransport()
    case .collector(let collector):
      do { transport = try CollectorTransport(collector, version: scope.version) } catch {
        logger.warning("a certificate or key of OTEL_EXPORTER_OTLP_* cannot be used; nothing is traced: \(error)")
        return nil
      }
    }
    return TraceExporter(settings, transport: transport, series: series, scope: scope, logger: logger, now: now)
  }
}
