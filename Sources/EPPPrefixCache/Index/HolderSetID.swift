/// The id of a set of holders, in 24 bits: the empty set, a single holder, or the position of a larger set in the arena. Sets
/// are equal exactly when their ids are.
struct HolderSetID: Equatable, Sendable {
  var rawValue: UInt32

  static let bits = 24
  static let empty = HolderSetID(rawValue: 0)

  @inline(__always)
  init(rawValue: UInt32) { self.rawValue = rawValue }

  @inline(__always)
  init(_ holder: Holder) { rawValue = UInt32(holder.number + 1) }

  /// The id of the set that begins at a unit of the arena.
  @inline(__always)
  init(unit: Int) { rawValue = UInt32(unit + Self.firstUnit) }

  @inline(__always)
  var isEmpty: Bool { rawValue == 0 }

  /// The only member; nil for larger sets and for the empty one.
  @inline(__always)
  var single: Holder? { rawValue > 0 && rawValue < UInt32(Self.firstUnit) ? Holder(number: Int(rawValue) - 1) : nil }

  /// The unit at which a larger set begins in the arena; nil for other sets.
  @inline(__always)
  var unit: Int? { rawValue >= UInt32(Self.firstUnit) ? Int(rawValue) - Self.firstUnit : nil }

  private static let firstUnit = Holder.maximumCount + 1
  /// The largest number of units of the arena.
  static let maximumUnits = (1 << bits) - firstUnit
}
