import EPPConfiguration
import EPPCore
import EPPDataLayer
import EPPGRPCServer

extension EndpointWatch.Configuration {
  /// Makes the configuration of the settings, and reads the files of certificates.
  ///
  /// - Throws: `ServerError` when certificates cannot be used.
  init(_ settings: EndpointSettings) throws(ServerError) {
    let dataLayer = settings.dataLayer
    var store = EndpointStore.Configuration(stalenessThreshold: settings.stalenessThreshold)
    store.metricsPort = dataLayer.page.port
    store.topology = dataLayer.topology
    store.labelAttributes = dataLayer.labelAttributes
    self.init(
      endpoints: settings.addresses, endpointsFile: settings.file,
      scraping: ScrapeStateMachine.Configuration(interval: settings.refreshInterval), engines: dataLayer.engines,
      store: store)
    page = try Self.reading(dataLayer.page, "metrics pages")
    models = try dataLayer.models.map { models throws(ServerError) in try Self.polled(models) }
    gpus = try dataLayer.gpus.map { gpus throws(ServerError) in try Self.polled(gpus) }
  }

  private static func polled(_ settings: DataLayerSettings.Polled) throws(ServerError) -> PolledPage {
    PolledPage(
      page: try reading(settings.page, settings.source), interval: settings.page.interval ?? .seconds(1),
      source: settings.source, usesNodeAddress: settings.usesNodeAddress)
  }

  private static func reading(_ source: PageSource, _ name: String) throws(ServerError) -> PageReading {
    do throws(PageCertificates.Problem) { return try PageReading(source) } catch {
      throw ServerError("certificates of \(name): \(error)")
    }
  }
}
