"""The parts of the page that wait for another metric or setting to be chosen, deflated.

In: the parts as HTML, in the order of the page. Out: what stands in their place, and one blob. The
tables of nine metrics are half a megabyte of HTML, of which a reader sees a ninth.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from markupsafe import Markup

from ckpt_analyzer.html_report.payload import deflated
from ckpt_analyzer.html_report.views import View


class HiddenViews:
    """What is hidden as the page opens. It holds the texts while one page is rendered."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def place(self, view: View, is_shown: bool, *, caller: Callable[[], str]) -> Markup:
        """Return the part of `view` that `caller` renders, or where the page's script puts it."""
        text = caller()
        name = f"{view.metric_index}|{view.setting_index}"
        if is_shown:
            return Markup('<div data-view="{}">\n{}</div>\n').format(name, Markup(text))
        self.texts.append(text)
        place = Markup('<div data-view="{}" data-hidden="{}" hidden></div>\n')
        return place.format(name, len(self.texts) - 1)

    def packed(self) -> Markup:
        """Return the blob of all texts that were kept back until now."""
        return Markup(deflated(json.dumps(self.texts, ensure_ascii=False)))
