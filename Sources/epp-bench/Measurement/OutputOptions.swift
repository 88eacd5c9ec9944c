import ArgumentParser
import FoundationEssentials

/// Flags of the output of a subcommand's results.
struct OutputOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write the results as JSON to this file; \"-\" prints JSON instead of the table.", valueName: "file"))
  var json: String?

  private static func isRegular(_ path: String) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType == .typeRegular
  }

  /// Prints the table, or writes the JSON, or both.
  func write(_ report: some Encodable, table: String) throws {
    if json != "-" { print(table) }
    guard let json else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(report)
    if json == "-" {
      print(String(decoding: data, as: UTF8.self))
    } else {
      // Replacing a device such as /dev/null by a file would break the machine.
      let isDevice = FileManager.default.fileExists(atPath: json) && !Self.isRegular(json)
      do { try data.write(to: URL(filePath: json), options: isDevice ? [] : .atomic) } catch {
        throw BenchError("cannot write \(json): \(error)")
      }
    }
  }
}
