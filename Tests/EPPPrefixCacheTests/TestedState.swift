@testable import EPPPrefixCache

extension PickRecord {
  /// Blocks that were new to the endpoint.
  var newBlocks: Int {
    let tails = takeTails()
    for (tail, kind) in tails { append(tail, in: kind) }
    return tails.reduce(0) { $0 + $1.tail.newBlocks }
  }
}

extension PrefixQuery {
  /// Keys made so far, over all prompts.
  var madeCount: Int { prompts.reduce(0) { $0 + $1.made } }
}
