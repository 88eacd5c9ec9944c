/// What a plugin does, and so where the configuration file may name it.
enum PluginRole: String {
  case scorer = "scorer"
  case picker = "picker"
  case producer = "data producer"
  case profileHandler = "profile handler"
  case dataSource = "data source"
  case extractor = "extractor"
  case discovery = "discovery plugin"
  case detector = "saturation detector"
  case orderingPolicy = "ordering policy"
  case fairnessPolicy = "fairness policy"
  case usageLimitPolicy = "usage limit policy"
  case parser = "parser"
  /// A plugin that was refused already: it fits everywhere, so that one mistake is one message.
  case any = "plugin"
}
