/// `fcfs-ordering-policy`: requests of a flow are served in the order of their arrival.
enum FirstComeOrderingPolicy {
  static let descriptor = PluginDescriptor(
    "fcfs-ordering-policy", "Serves requests in the order of their arrival", isInjected: true,
    parts: [.builtIn(.orderingPolicy)])
}
