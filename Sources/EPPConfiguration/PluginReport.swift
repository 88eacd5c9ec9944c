package import EPPScheduling
import FoundationEssentials

/// The output of `epp plugins`: descriptions of plugin types.
package enum PluginReport {
  /// Returns a text with a paragraph for each type.
  package static func text(of list: PluginList) -> String {
    list.descriptors.map { descriptor in
      var lines = ["\(descriptor.type) (\(roles(descriptor).joined(separator: ", ")))", "  \(descriptor.summary)."]
      if !descriptor.olderNames.isEmpty { lines.append("  Also: \(descriptor.olderNames.joined(separator: ", "))") }
      for parameter in descriptor.parameters {
        let value = parameter.defaultText.map { ", default \($0)" } ?? ""
        lines.append("    \(parameter.key): \(parameter.domain)\(value)")
        lines.append("      \(parameter.summary).")
      }
      return lines.joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  /// Returns a JSON array with an object for each type.
  package static func json(of list: PluginList) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Texts alone are always JSON.
    let data = (try? encoder.encode(list.descriptors.map { PluginDescription($0) })) ?? Data()
    return String(decoding: data, as: UTF8.self)
  }

  private struct PluginDescription: Encodable {
    struct Parameter: Encodable {
      var name: String
      var domain: String
      var `default`: String?
      var summary: String
    }

    var type: String
    var olderNames: [String]
    var roles: [String]
    var summary: String
    var parameters: [Parameter]

    init(_ descriptor: PluginDescriptor) {
      type = descriptor.type
      olderNames = descriptor.olderNames
      roles = PluginReport.roles(descriptor)
      summary = descriptor.summary
      parameters = descriptor.parameters.map {
        Parameter(name: $0.key, domain: $0.domain, default: $0.defaultText, summary: $0.summary)
      }
    }
  }

  /// Returns the names of a type's roles, each once, in the order of the declaration.
  private static func roles(_ descriptor: PluginDescriptor) -> [String] {
    var result: [String] = []
    for role in descriptor.roles where !result.contains(role.rawValue) { result.append(role.rawValue) }
    return result
  }
}
