/// `k8s-notification-source`: the objects that plugins need are watched, whether the source is named or not.
enum KubernetesNotificationSource {
  private static let version = TypedParameter<String?>.text("version", "Has no effect: the version of the objects")
  private static let kind = TypedParameter<String?>.text("kind", "Has no effect: the kind of the objects")

  static let descriptor = PluginDescriptor(
    "k8s-notification-source", "Has no effect: endpoints are always followed",
    parameters: [
      TypedParameter<String?>.text("group", "Has no effect: the API group of the objects").declaration,
      version.declaration, kind.declaration,
    ],
    check: { check in
      if check.arguments[version] == nil || check.arguments[kind] == nil {
        check.report("\(check.type) needs the parameters 'version' and 'kind'")
      }
      check.note("'\(check.type)' has no effect: endpoints are always followed")
    },
    parts: [.builtIn(.dataSource)])
}
