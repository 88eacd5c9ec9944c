/// Waits for something to become true; whether it has.
///
/// Waits for long, for on two cores hundreds of tests run at the same time, and until it has been looked at many times, for tests
/// that compute hold up those that wait.
package func eventually(
  within time: Duration = .seconds(120), _ condition: () async throws -> Bool
) async rethrows -> Bool {
  let end = ContinuousClock.now + time
  var looks = 0
  while true {
    if try await condition() { return true }
    looks += 1
    guard looks < 100 || ContinuousClock.now < end else { return false }
    try? await Task.sleep(for: .milliseconds(2))
  }
}
