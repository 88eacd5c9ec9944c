/// The version of the programs.
package enum Version {
  /// The version of this source tree.
  package static let current = "0.1.0"
}
