"""The report: trends and flips as one self-contained HTML page. See ``page.py``."""

from __future__ import annotations

from ckpt_analyzer.html_report.cards import TaskCard
from ckpt_analyzer.html_report.page import render, write_report
from ckpt_analyzer.html_report.report_data import ReportData

__all__ = ["ReportData", "TaskCard", "render", "write_report"]
