import EPPCore

/// `always-disagg-pd-decider`: every request has its prompt computed by an endpoint of its own.
struct AlwaysPrefillDecider: StageDecider {
  static let descriptor = PluginDescriptor(
    "always-disagg-pd-decider", "Gives every request a prefill endpoint of its own",
    parts: [.decider { _, _ in AlwaysPrefillDecider() }])

  func isWanted(_ context: borrowing SchedulingContext, decode: EndpointSlot?) -> Bool { true }
}
