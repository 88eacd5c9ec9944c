import EPPCore

/// `max-saturation-detector`: the greatest saturation that other detectors measure. A detector may be restricted to stages of a
/// disaggregated pool.
package struct MaximumSaturationDetector: SaturationDetector {
  private static let detectors = TypedParameter<[String]>.references(
    "detectors", to: .detector, "The detectors whose greatest value counts")
  private static let stages = TypedParameter<[String: [String]]>.textListMap(
    "stages", "The stages (prefill, decode) that a detector measures, by its name; all where it is not named")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "max-saturation-detector", "Measures saturation as the greatest value of other detectors",
    parameters: [detectors.declaration, stages.declaration],
    check: { check in
      let names = check.arguments[detectors]
      if names.isEmpty { check.report("\(check.type) needs the parameter 'detectors' with at least one name") }
      for (name, list) in check.arguments[stages].sorted(by: { $0.key < $1.key }) {
        if !names.contains(name) {
          check.report(unknown: name, "detector in 'stages'", among: names, at: stages.key, name)
        }
        for stage in list where ServingStage(rawValue: stage) == nil {
          check.report(unknown: stage, "stage", among: ["prefill", "decode"], at: stages.key, name)
        }
      }
    },
    parts: [.detector { MaximumSaturationDetector($0, $1) }])

  private let children: [(detector: any SaturationDetector, stages: Set<ServingStage>?)]

  private init(_ arguments: PluginArguments, _ peers: PluginPeers) {
    children = arguments[Self.detectors].compactMap { name in
      peers.detectors[name].map {
        ($0, arguments[Self.stages][name].map { Set($0.compactMap { ServingStage(rawValue: $0) }) })
      }
    }
  }

  package func saturation(of endpoints: borrowing [EndpointUse], stage: ServingStage?) -> Double {
    var greatest: Double?
    for child in children {
      if let stage, let stages = child.stages, !stages.contains(stage) { continue }
      greatest = max(greatest ?? 0, child.detector.saturation(of: endpoints, stage: stage))
    }
    // No detector measures this stage: what is not measured holds nothing up.
    return greatest ?? (endpoints.isEmpty ? 1 : 0)
  }
}
