import EPPCore
import EPPDataLayer
import EPPTestKit
import Foundation
import Testing

@Suite struct EndpointsFileTests {
  @Test func readsTheWholeFormat() throws {
    let file = try EndpointsFile(
      """
      endpoints:
      - name: engine-0
        namespace: prod
        address: 10.0.0.7
        port: 8000
        labels: {llm-d.ai/role: decode, rank: 3}
        metricsPort: 8001
        kvEvents: tcp://10.0.0.7:5557
        kvReplay: tcp://10.0.0.7:5657
      - {name: engine-1, address: "[2001:db8::7]", port: "8000"}
      - {name: engine-2, address: "2001:db8::8", port: 8000}
      - {name: engine-3, address: engine-3.local, port: 8000}
      """)
    #expect(file.problems.isEmpty)
    #expect(
      file.endpoints.first
        == DiscoveredEndpoint(
          name: "engine-0", namespace: "prod", address: EndpointAddress(host: "10.0.0.7", port: 8000),
          metricsAddress: EndpointAddress(host: "10.0.0.7", port: 8001),
          labels: ["llm-d.ai/role": "decode", "rank": "3"], kvEvents: "tcp://10.0.0.7:5557",
          kvReplay: "tcp://10.0.0.7:5657"))
    #expect(
      file.endpoints.dropFirst().map(\.address.description) == [
        "[2001:db8::7]:8000", "[2001:db8::8]:8000", "engine-3.local:8000",
      ])
    #expect(file.endpoints[1].namespace == "default")
    #expect(file.endpoints[1].metricsAddress == file.endpoints[1].address)
  }

  @Test func readsJSON() throws {
    let file = try EndpointsFile(#"{"endpoints": [{"name": "a", "address": "127.0.0.1", "port": 1}]}"#)
    #expect(file.endpoints.map(\.name) == ["a"])
    #expect(file.problems.isEmpty)
  }

  @Test func anEmptyListIsNoMistake() throws {
    #expect(try EndpointsFile("endpoints: []").endpoints.isEmpty)
    #expect(try EndpointsFile("endpoints:").endpoints.isEmpty)
  }

  @Test(
    arguments: [
      ("{address: 10.0.0.1, port: 1}", "'name'"), ("{name: x, port: 1}", "'address'"),
      ("{name: x, address: 10.0.0.1}", "'port'"), ("{name: 7, address: 10.0.0.1, port: 1}", "quotes"),
      ("{name: x, address: 10.0.0.1, port: 0}", "65535"), ("{name: x, address: 10.0.0.1, port: 65536}", "65535"),
      ("{name: x, address: 10.0.0.1, port: 1.5}", "65535"), ("{name: x, address: 10.0.0.1, port: -1}", "65535"),
      ("{name: x, address: 10.0.0.1, port: true}", "65535"), ("{name: x, address: '10.0.0.1:80', port: 1}", "own key"),
      ("{name: x, address: \"a\\r\\nX: y\", port: 1}", "control"), ("{name: x, address: 'a b', port: 1}", "host name"),
      ("{name: x, address: '[a]', port: 1}", "host name"), ("{name: x, address: '', port: 1}", "'address'"),
      ("{name: x, address: 10.0.0.1, port: 1, labels: [a]}", "'labels'"),
      ("{name: x, address: 10.0.0.1, port: 1, labels: {a: {b: c}}}", "'a'"),
      ("{name: x, address: 10.0.0.1, port: 1, kvEvents: '10.0.0.1:5557'}", "tcp://"), ("just text", "mapping"),
      ("[1, 2]", "mapping"), ("{name: good, address: 10.0.0.9, port: 9}", "used already on line 2"),
    ] as [(String, String)])
  func aBadEntryIsReportedWithItsLineAndTheOthersLoad(_ entry: String, _ reason: String) throws {
    let file = try EndpointsFile(
      "endpoints:\n- {name: good, address: 10.0.0.2, port: 2}\n- \(entry)\n- {name: fine, address: 10.0.0.3, port: 3}\n"
    )
    #expect(file.endpoints.map(\.name) == ["good", "fine"])
    let problem = try #require(file.problems.first)
    #expect(file.problems.count == 1)
    #expect(problem.line == 3)
    #expect(problem.message.contains(reason))
  }

  @Test func unknownKeysAreReportedAndTheEntryLoads() throws {
    let file = try EndpointsFile("endpoints:\n- name: a\n  address: 10.0.0.1\n  prot: 3\n  port: 1\nother: 1\n")
    #expect(file.endpoints.count == 1)
    #expect(file.problems.map(\.line) == [4, 6])
  }

  @Test func theSameNameInAnotherNamespaceIsAnotherEndpoint() throws {
    let file = try EndpointsFile(
      "endpoints:\n- {name: a, address: 10.0.0.1, port: 1}\n- {name: a, namespace: b, address: 10.0.0.2, port: 1}\n")
    #expect(file.endpoints.count == 2)
    #expect(file.problems.isEmpty)
  }

  @Test(arguments: [
    "", "# nothing\n", "[]", "text", "endpoint: []", "endpoints: 5", "endpoints: {a: b}", "endpoints: [{", "a: b: c",
    "\u{0}",
  ])
  func aBrokenFileIsRefusedWhole(_ text: String) {
    #expect(throws: EndpointProblem.self) { try EndpointsFile(text) }
  }

  @Test func mergeKeysBringEntries() throws {
    let file = try EndpointsFile(
      """
      endpoints:
      - &a {name: a, address: 10.0.0.1, port: 8000, labels: &labels {zone: one, role: decode}}
      - {<<: *a, name: b, labels: {<<: *labels, zone: two}}
      - {name: c, <<: [{port: 8001}, *a]}
      - {name: d, <<: 5}
      - {<<: {port: 8002}, <<: *a, name: e, labels: {<<: {zone: two}, <<: *labels}}
      """)
    #expect(file.endpoints.map(\.name) == ["a", "b", "c", "e"])
    #expect(file.endpoints.map(\.address.port) == [8000, 8000, 8001, 8002])
    #expect(file.endpoints[3].labels == ["zone": "two", "role": "decode"])
    #expect(file.endpoints[1].labels == ["zone": "two", "role": "decode"])
    #expect(file.problems.map(\.line) == [5])
  }

  @Test func aByteOrderMarkIsPassedOver() throws {
    #expect(try EndpointsFile("\u{FEFF}endpoints: [{name: a, address: 10.0.0.1, port: 1}]").endpoints.count == 1)
  }

  @Test func aKeyThatIsGivenTwiceIsNamedWithItsLine() {
    let error = #expect(throws: EndpointProblem.self) {
      try EndpointsFile("endpoints:\n- {name: a, name: b, address: 10.0.0.1, port: 1}\n")
    }
    #expect(error?.line == 2 && error?.message.contains("'name' is given twice") == true)
  }

  @Test func syntaxErrorsNameTheirLine() {
    let error = #expect(throws: EndpointProblem.self) {
      try EndpointsFile("endpoints:\n- {name: a, address: 10.0.0.1, port: 1}\n- {name: b, [}\n")
    }
    #expect(error?.line == 3)
  }

  @Test func deepNestingIsRefused() {
    #expect(throws: EndpointProblem.self) { try EndpointsFile(String(repeating: "[", count: 200_000)) }
    #expect(throws: EndpointProblem.self) {
      try EndpointsFile("endpoints: " + String(repeating: "{a: ", count: 100_000))
    }
  }

  @Test(arguments: 0..<4)
  func mutatedFilesNeverTrap(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let original = Array(
      "endpoints:\n- name: a\n  address: 10.0.0.1\n  port: 1\n  labels: {x: y}\n- {name: &b b, address: ::1, port: '2'}\n"
        .utf8)
    let interesting = Array("{}[]:,-&*!|>'\"%@`# \n\t\\?".utf8)
    for _ in 0..<300 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...5, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] =
          interesting[Int.random(in: 0..<interesting.count, using: &generator)]
      }
      _ = try? EndpointsFile(String(decoding: bytes, as: UTF8.self))
    }
  }
}

@Suite struct WatchedFileTests {
  private func content(_ look: WatchedFile.Look) -> String? {
    if case .content(let bytes) = look { String(decoding: bytes, as: UTF8.self) } else { nil }
  }

  private func problem(_ look: WatchedFile.Look) -> String? {
    if case .problem(let problem) = look { problem.description } else { nil }
  }

  @Test func readsOnceAndAgainAfterAChange() throws {
    let directory = try TemporaryDirectory()
    try directory.write("one", to: "f")
    var file = WatchedFile(path: directory.path + "/f", largest: 100)
    #expect(content(file.look()) == "one")
    #expect(content(file.look()) == nil)
    try directory.write("three", to: "f")
    #expect(content(file.look()) == "three")
  }

  @Test func seesASwapOfALinkFurtherUp() throws {
    let directory = try TemporaryDirectory()
    let files = FileManager.default
    for version in ["v1", "v2"] {
      try files.createDirectory(atPath: directory.path + "/" + version, withIntermediateDirectories: false)
      try directory.write(version, to: version + "/f")
    }
    try files.createSymbolicLink(atPath: directory.path + "/data", withDestinationPath: "v1")
    try files.createSymbolicLink(atPath: directory.path + "/f", withDestinationPath: "data/f")
    var file = WatchedFile(path: directory.path + "/f", largest: 100)
    #expect(content(file.look()) == "v1")
    try files.createSymbolicLink(atPath: directory.path + "/next", withDestinationPath: "v2")
    let renamed = unsafe rename(directory.path + "/next", directory.path + "/data")
    #expect(renamed == 0)
    #expect(content(file.look()) == "v2")
  }

  @Test func aMissingFileIsToldOnceAndReadWhenItComesBack() throws {
    let directory = try TemporaryDirectory()
    var file = WatchedFile(path: directory.path + "/f", largest: 100)
    #expect(problem(file.look()) == "it does not exist")
    #expect(problem(file.look()) == nil)
    try directory.write("back", to: "f")
    #expect(content(file.look()) == "back")
  }

  @Test func refusesWhatIsTooLargeOrNoFile() throws {
    let directory = try TemporaryDirectory()
    try directory.write(String(repeating: "x", count: 101), to: "f")
    var large = WatchedFile(path: directory.path + "/f", largest: 100)
    #expect(problem(large.look())?.contains("100") == true)
    var folder = WatchedFile(path: directory.path, largest: 100)
    #expect(problem(folder.look()) == "it is a folder, and a file is expected")
  }

  @Test func theCausesAreToldApart() {
    #expect(FileProblem(errno: ENOENT).isAbsence && FileProblem(errno: ENOENT).description == "it does not exist")
    #expect(!FileProblem(errno: ENOTDIR).isAbsence && FileProblem(errno: ENOTDIR).description == "it does not exist")
    #expect(FileProblem(errno: EACCES).description == "there is no permission to read it")
    #expect(FileProblem(errno: EISDIR) == .folder)
    #expect(FileProblem(errno: EIO).description == "it cannot be read: Input/output error")
  }
}
