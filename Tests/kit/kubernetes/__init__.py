"""Kubernetes for tests: a small API server, the real kube-apiserver, and a client for both."""

from . import objects
from .client import Client, Watch
from .real import RealAPIServer
from .server import FakeAPIServer

__all__ = ["Client", "FakeAPIServer", "RealAPIServer", "Watch", "objects"]
