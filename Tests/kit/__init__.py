"""Parts that the Python tests and scripts/demo share: processes, an ext_proc client, engines, Envoy, raw HTTP/2.

Nothing here takes its knowledge of the protocol from Sources/ or Protos/: the messages are Envoy's own (PyPI xds-protos), so
a mistake in our trimmed copies shows.
"""
