/// What a stream has fetched since it last knew of nothing that it misses: all replays together. A publisher that leaves
/// something out of each of them would never come to an end otherwise.
struct CatchUp {
  /// How often a replay was asked for.
  var asks = 0
  /// What has come.
  var messages = 0
  var bytes = 0
  /// How long those replays have run that are over; to wait for a turn takes none of it.
  var spent = Duration.zero
}
