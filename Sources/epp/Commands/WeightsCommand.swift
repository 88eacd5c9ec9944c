import ArgumentParser
import EPPConfiguration
import EPPObservability
import EPPProcess
import EPPScheduling
import FoundationEssentials

/// The command `epp weights`.
struct WeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights", abstract: "Shows the weights of a running process's scorers, or changes them.",
    discussion: """
      A change holds for that process, until its configuration is read again or it restarts; what is printed says how to \
      keep it. Changes want the token that the process keeps in a file, which its own user can read.

        epp weights
        epp weights \(QueueScorer.descriptor.type)=3 \(PrefixCacheScorer.descriptor.type)=1
        kubectl exec deploy/epp -- epp weights \(QueueScorer.descriptor.type)=3
      """)

  @OptionGroup var admin: AdminFlags
  @Argument(help: ArgumentHelp("Scorers and their new weights; the others stay as they are.", valueName: "name=weight"))
  var weights: [String] = []

  func run() throws {
    do {
      let changes = try parsed()
      let target = try admin.target()
      let client = AdminClient(address: target.address, tokenFile: target.tokenFile)
      let report: WeightReport =
        changes.isEmpty ? try client.get("/weights") : try client.post("/weights", changes)
      print(WeightListing.table(report))
      if let advice = WeightListing.advice(report) { print("\n\(advice)") }
    } catch let problem as ConfigurationProblem {
      throw ValidationError(problem.message)
    } catch let problem as AdminClientProblem {
      for line in problem.lines { StandardError.write("epp: \(line)\n") }
      throw ExitCode(1)
    }
  }

  private func parsed() throws(ConfigurationProblem) -> [String: Double] {
    var changes: [String: Double] = [:]
    for text in weights {
      let (name, weight) = try WeightText.assignment(text)
      if changes.updateValue(weight, forKey: name) != nil { throw ConfigurationProblem("'\(name)' is named twice") }
    }
    return changes
  }
}
