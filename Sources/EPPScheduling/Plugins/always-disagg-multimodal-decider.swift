import EPPCore

/// `always-disagg-multimodal-decider`: requests with images, audio or video have them encoded by an endpoint of its own.
struct AlwaysMultimodalDecider: StageDecider {
  static let descriptor = PluginDescriptor(
    "always-disagg-multimodal-decider", "Gives every request with media an encode endpoint of its own",
    parts: [.decider { _, _ in AlwaysMultimodalDecider() }])

  func isWanted(_ context: borrowing SchedulingContext, decode: EndpointSlot?) -> Bool { context.request.hasMedia }
}
