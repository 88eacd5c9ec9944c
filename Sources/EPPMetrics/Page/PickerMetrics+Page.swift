extension PickerMetrics {
  /// The media type of `page()`.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// All metrics in the Prometheus text format, families in the order of their names. Writers are not held up.
  package func page() -> [UInt8] {
    var writer = MetricsTextWriter(reservingBytes: 64 * 1024)
    for entry in pageEntries() {
      let family = families.all[entry.family]
      let series = family.read()
      let descriptor = family.descriptor
      guard let alias = entry.alias else {
        writer.write(
          name: descriptor.name, help: descriptor.help, kind: descriptor.kind,
          labels: descriptor.labels.map(\.rawValue), series: series)
        continue
      }
      writer.write(
        name: alias.name, help: "[ALPHA] Older name of \(descriptor.name).", kind: descriptor.kind,
        labels: alias.labelNames(of: descriptor.labels),
        series: alias.series(of: series, labels: descriptor.labels))
    }
    return writer.bytes
  }

  private struct PageEntry {
    var name: String
    var family: Int
    var alias: MetricAlias?
  }

  private func pageEntries() -> [PageEntry] {
    var entries: [PageEntry] = []
    for (index, family) in families.all.enumerated() {
      let name = family.descriptor.name
      if !options.streamMetrics, name.hasPrefix("llm_d_epp_extproc_") { continue }
      entries.append(PageEntry(name: name, family: index, alias: nil))
      guard options.legacyMetrics else { continue }
      for alias in MetricAlias.all where alias.family == name {
        entries.append(PageEntry(name: alias.name, family: index, alias: alias))
      }
    }
    return entries.sorted { $0.name < $1.name }
  }
}
