package import EPPObservability
import ServiceLifecycle

/// Exports traces while the process serves. `TraceExporter.finish` exports the rest.
package struct TraceExportService: Service {
  private let exporter: TraceExporter

  package init(_ exporter: TraceExporter) { self.exporter = exporter }

  package func run() async throws { await cancelWhenGracefulShutdown { await exporter.run() } }
}
