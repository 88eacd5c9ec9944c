/// `endpoint-notification-source`: extractors learn at once which endpoints come and go, whether the source is named or not.
enum EndpointNotificationSource {
  static let descriptor = PluginDescriptor(
    "endpoint-notification-source", "Has no effect: endpoints are always followed",
    check: { $0.note("'\($0.type)' has no effect: endpoints are always followed") },
    parts: [.builtIn(.dataSource)])
}
