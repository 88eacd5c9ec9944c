/// The exclusive or of the two halves of a 128-bit product: the mixing step of the wyhash family.
///
/// If one factor is 0 the result is 0. Where clients choose a word, callers first combine it with a secret word by exclusive
/// or. Block keys, session placements and digests depend on every bit of the result.
@inlinable
@inline(__always)
package func foldedProduct(_ left: UInt64, _ right: UInt64) -> UInt64 {
  let product = left.multipliedFullWidth(by: right)
  return product.high ^ product.low
}
