import ArgumentParser
import EPPConfiguration
import EPPScheduling

/// The command `epp plugins`.
struct PluginsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plugins", abstract: "Lists the plugin types of an EndpointPickerConfig file and their parameters.",
    discussion: """
      Each type with its role, what it does, and its parameters with their range and default.

        epp plugins
        epp plugins --json | jq '.[] | select(.roles[] == "scorer") | .type'
      """)

  @Flag(help: "Print JSON: a list of objects with type, olderNames, roles, summary and parameters.")
  var json = false

  func run() { print(json ? PluginReport.json(of: .standard) : PluginReport.text(of: .standard)) }
}
