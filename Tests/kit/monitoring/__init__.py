"""What deploy/monitoring asks a Prometheus: its monitors as a scrape configuration, its rules, and the queries of its dashboard."""

from .live import Live, Setup
from .pages import PAGES, Pages, kubelet_page, names
from .pool import MonitoredPool, monitors, picker_target, sidecar_target
from .queries import MONITORING, Panel, dashboard, families, groups, panels, rules, selectors, variables
from .scrape import ConfiguredPrometheus, Target, job, scrape_configs

__all__ = [
    "MONITORING", "PAGES", "ConfiguredPrometheus", "Live", "MonitoredPool", "Pages", "Panel", "Setup", "Target", "dashboard", "families",
    "groups", "job", "kubelet_page", "monitors", "names", "panels", "picker_target", "rules", "scrape_configs", "selectors",
    "sidecar_target", "variables",
]  # fmt: skip
