import EPPCore
import EPPPrefixCache
import EPPRouting
import Foundation
import Testing

@Suite final class IndexSnapshotsTests {
  private let seed = HashSeed(first: 1, second: 2)
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "warmpath-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private var path: String { folder.appending(path: "index").path }

  private func index() -> PrefixIndex { PrefixIndex(hasher: BlockHasher(seed: seed)) }

  private func endpoint(_ number: Int, slot: Int) -> Endpoint {
    Endpoint(
      name: "engine-\(number)", address: EndpointAddress(host: "10.0.0.\(number)", port: 8000),
      slot: EndpointSlot(index: slot, generation: 1))
  }

  private func record(_ text: String, at endpoint: Endpoint, in index: PrefixIndex) {
    var query = self.query(text, index)
    _ = index.record(&query, at: endpoint.slot)
  }

  private func query(_ text: String, _ index: PrefixIndex) -> PrefixQuery {
    var prompt = CanonicalPrompt()
    prompt.bytes = Array(text.utf8)
    prompt.prompts = [0..<prompt.bytes.count]
    var query = PrefixQuery()
    query.begin(
      for: prompt, request: InferenceRequest(api: .completions), hasher: index.hasher, maximumTokens: 1 << 20,
      blockTokens: index.limits.textBlockTokens)
    return query
  }

  private func depth(_ text: String, at endpoint: Endpoint, in index: PrefixIndex) -> Int {
    var query = query(text, index)
    var match = PrefixMatch()
    index.match(&query, into: &match)
    return match.matchedBlocks(endpoint.slot)
  }

  private let text = String(repeating: "the quick brown fox ", count: 100)

  @Test func whatWasWrittenIsReadForTheSameEndpointInAnotherPlace() throws {
    let first = index()
    record(text, at: endpoint(1, slot: 0), in: first)
    let written = try IndexSnapshots(path: path, index: first, seed: seed).write(
      [endpoint(1, slot: 0), endpoint(2, slot: 1)], and: PendingSnapshots(), now: 1000)
    #expect(written.blocks == 7 && written.bytes > 0)
    let permissions = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(permissions == 0o600)

    let second = index()
    let pending = PendingSnapshots()
    let read = try #require(try IndexSnapshots(path: path, index: second, seed: seed).read(to: pending))
    #expect(read.blocks == 7 && read.writtenAt == 1000 && read.problems.isEmpty)
    #expect(pending.takeRouted(of: endpoint(2, slot: 5)) == nil)
    let routed = try #require(pending.takeRouted(of: endpoint(1, slot: 5)))
    #expect(pending.takeRouted(of: endpoint(1, slot: 5)) == nil)
    try second.restore(routed, to: endpoint(1, slot: 5).slot)
    #expect(depth(text, at: endpoint(1, slot: 5), in: second) == 7)
  }

  @Test func whoHasNotAppearedYetIsWrittenAgain() throws {
    let first = index()
    for number in 1...2 { record(text, at: endpoint(number, slot: number), in: first) }
    _ = try IndexSnapshots(path: path, index: first, seed: seed).write(
      [endpoint(1, slot: 1), endpoint(2, slot: 2)], and: PendingSnapshots(), now: 1000)

    // One of them appears, and has more by then.
    let second = index()
    let pending = PendingSnapshots()
    let snapshots = IndexSnapshots(path: path, index: second, seed: seed)
    _ = try snapshots.read(to: pending)
    let known = try #require(pending.takeRouted(of: endpoint(1, slot: 0)))
    try second.restore(known, to: endpoint(1, slot: 0).slot)
    record(text + text, at: endpoint(1, slot: 0), in: second)
    _ = try snapshots.write([endpoint(1, slot: 0)], and: pending, now: 2000)

    let third = index()
    let again = PendingSnapshots()
    _ = try IndexSnapshots(path: path, index: third, seed: seed).read(to: again)
    for (number, blocks) in [(1, 15), (2, 7)] {
      let place = endpoint(number, slot: number)
      try third.restore(try #require(again.takeRouted(of: place)), to: place.slot)
      #expect(depth(text + text, at: place, in: third) == blocks)
    }
  }

  @Test func aFileThatIsNotThereIsNoFailure() throws {
    #expect(try IndexSnapshots(path: path, index: index(), seed: seed).read(to: PendingSnapshots()) == nil)
  }

  @Test func aForeignOrDamagedFileIsRefusedWithAReason() throws {
    let first = index()
    record(text, at: endpoint(1, slot: 0), in: first)
    _ = try IndexSnapshots(path: path, index: first, seed: seed).write(
      [endpoint(1, slot: 0)], and: PendingSnapshots(), now: 1000)
    let other = HashSeed(first: 3, second: 4)
    let foreign = #expect(throws: IndexSnapshots.Failure.self) {
      _ = try IndexSnapshots(path: path, index: index(), seed: other).read(to: PendingSnapshots())
    }
    #expect(foreign?.description.contains("secret") == true)

    try Data("no snapshot at all".utf8).write(to: URL(filePath: path))
    #expect(throws: IndexSnapshots.Failure.self) {
      _ = try IndexSnapshots(path: path, index: index(), seed: seed).read(to: PendingSnapshots())
    }
  }

  @Test func whatCannotBeWrittenLeavesTheOldFile() throws {
    let first = index()
    record(text, at: endpoint(1, slot: 0), in: first)
    let error = #expect(throws: IndexSnapshots.Failure.self) {
      _ = try IndexSnapshots(path: "\(path)/none/index", index: first, seed: seed).write(
        [], and: PendingSnapshots(), now: 1000)
    }
    #expect(error?.description.contains("cannot be written") == true)
    _ = try IndexSnapshots(path: path, index: first, seed: seed).write(
      [endpoint(1, slot: 0)], and: PendingSnapshots(), now: 1000)
    // Nothing else is left in the folder.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["index"])
  }

  @Test(arguments: [(970, 30), (.nan, 0), (-.infinity, 0), (2e300, 0)] as [(Double, Int)])
  func theTimeOfAFileMayBeAny(_ time: Double, _ age: Int) throws {
    _ = try IndexSnapshots(path: path, index: index(), seed: seed).write([], and: PendingSnapshots(), now: time)
    let summary = try IndexSnapshots(path: path, index: index(), seed: seed).read(to: PendingSnapshots())
    #expect(summary?.age(at: 1000) == age)
  }
}
