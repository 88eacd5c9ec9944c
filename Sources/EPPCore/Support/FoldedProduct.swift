/// The 128-bit product of two words, its halves folded to 64 bits: the mixing step of the wyhash family.
///
/// A factor of zero makes the result zero whatever the other factor is: where clients choose the words, each meets a secret one
/// before. Block keys, session placements and digests depend on every bit of the result.
@inlinable
@inline(__always)
package func foldedProduct(_ left: UInt64, _ right: UInt64) -> UInt64 {
  let product = left.multipliedFullWidth(by: right)
  return product.high ^ product.low
}
