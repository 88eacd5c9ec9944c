import EPPCore
import EPPDataLayer
import EPPObservability
import EPPPrefixCache
import EPPRouting
import EPPScheduling

/// How much the plugins remember, for `GET /debug/plugins/state`. Any thread may use it.
struct PluginStates: Sendable {
  /// Has the plugins in force.
  let pipeline: RequestPipeline
  /// Reports of plugins whose state is kept elsewhere, by the plugins' names.
  let others: [String: any PluginStateReporting]

  /// The JSON document: an object `plugins` with a member for each plugin that remembers something.
  func document() -> [UInt8] {
    var reports = others.mapValues { Report(reporter: $0) }
    for (name, reporter) in pipeline.configuration.scheduler.stateReporters {
      reports[name] = Report(reporter: reporter)
    }
    return JSONDocument.bytes(of: ["plugins": reports])
  }

  /// The report of one plugin as a JSON value.
  private struct Report: Encodable {
    let reporter: any PluginStateReporting

    func encode(to encoder: any Encoder) throws { try reporter.stateReport().encode(to: encoder) }
  }
}

/// Tells how many blocks the prefix index knows of each endpoint.
struct PrefixIndexState: PluginStateReporting {
  /// The size of the index and its parts.
  struct StateReport: Encodable {
    /// An endpoint of the pool.
    struct Endpoint: Encodable {
      let name: String
      let address: String
      /// Blocks of prompts that were routed there.
      let routedBlocks: Int
      /// Blocks of prompts that were routed there and that its engine has not announced yet.
      let speculativeBlocks: Int
      /// Blocks that its engine has announced.
      let announcedBlocks: Int
    }

    /// Distinct blocks.
    let blocks: Int
    /// Memory of all tables.
    let bytes: Int
    let endpoints: [Endpoint]
  }

  /// The index.
  let index: PrefixIndex
  /// Has the endpoints.
  let store: EndpointStore

  func stateReport() -> StateReport {
    let endpoints = store.currentSnapshot().members.map { member in
      let counts = index.blockCounts(of: member.endpoint.slot)
      return StateReport.Endpoint(
        name: member.endpoint.name, address: member.destination, routedBlocks: counts.routed,
        speculativeBlocks: counts.speculative, announcedBlocks: counts.announced)
    }
    let statistics = index.currentStatistics()
    return StateReport(blocks: statistics.blocks, bytes: statistics.bytes, endpoints: endpoints)
  }
}
